"""The language of what sources say of themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from leitmotif.reports.tally import most_first

COLUMNS = ("title", "description")
LEAST_LETTERS = 20
UNKNOWN = "und"
_MOST_LETTERS = 200
# Addresses and tags are in no language.
_NO_WORDS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|[#@]\w+")


def describe_languages(
    titles: Sequence[str | None], descriptions: Sequence[str | None], *, of: int, seed: int
) -> dict[str, Any]:
    """Return `languages` of stats.json.

    Args:
        titles: Of the clips of a sample.
        descriptions: Of the same clips.
        of: Clips that the sample stands for.
        seed: Seed of the sample.
    """
    found = Counter(
        name_language(f"{title or ''}\n{text or ''}")
        for title, text in zip(titles, descriptions, strict=True)
    )
    return {
        "counts": most_first(found),
        "measured": len(titles),
        "of": of,
        "seed": seed,
        "method": "py3langid on title and description together, without addresses, hashtags and handles; "
        f"at most {_MOST_LETTERS} characters",
        "least_letters": LEAST_LETTERS,
    }


def name_language(text: str) -> str:
    """Return the ISO 639 code of the language of a text; `und` where it holds too few letters."""
    # Loads a model of its own on import.
    import py3langid

    plain = _NO_WORDS.sub(" ", text)[:_MOST_LETTERS]
    if sum(map(str.isalpha, plain)) < LEAST_LETTERS:
        return UNKNOWN
    return str(py3langid.classify(plain)[0])
