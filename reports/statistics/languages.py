"""The language of what sources say of themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from leitmotif.reports.statistics.value_counts import most_first
from leitmotif.shards.texts import normalized

COLUMNS = ("title", "description")
# Calibrated on 194 titles in 19 languages and 16 texts in none (tests/reports/titles.tsv): 148 titles are
# named rightly, 1 wrongly, 45 are unknown (short ones, such as "Thriller"), and no text in no language is
# named. At 0.3 there are 150 right and 3 wrong, at 0.6 131 and 0.
LEAST_LETTERS = 4
LEAST_CONFIDENCE = 0.4
UNKNOWN = "und"
# What the model calls text in no language at all.
_NO_LANGUAGE = "zxx"
_MOST_LETTERS = 200
# Addresses and tags are in no language.
_NO_WORDS = re.compile(r"https?://\S+|www\.\S+|(?<!\S)\S+@\S+|[#@]\w+")


def describe_languages(
    titles: Sequence[str | None], descriptions: Sequence[str | None], *, of: int, seed: int
) -> dict[str, Any]:
    """Return `languages` of stats.json.

    Args:
        titles: Titles of the clips of a sample.
        descriptions: Descriptions of the same clips.
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
        "method": "py3langid on title and description together, in compatibility form (NFKC), without "
        f"addresses, hashtags and handles; at most {_MOST_LETTERS} characters",
        "least_letters": LEAST_LETTERS,
        "least_confidence": LEAST_CONFIDENCE,
    }


def name_language(text: str) -> str:
    """Return the ISO 639 code of the language of a text.

    Full-width letters and those of mathematics, which people decorate titles with, count as what they stand
    for.

    Returns:
        The code; `und` where the text holds too few letters, or the model is not sure.
    """
    plain = _NO_WORDS.sub(" ", normalized("NFKC", text))[:_MOST_LETTERS]
    if sum(map(str.isalpha, plain)) < LEAST_LETTERS:
        return UNKNOWN
    language, confidence = _identifier().classify(plain)
    return UNKNOWN if confidence < LEAST_CONFIDENCE or language == _NO_LANGUAGE else str(language)


@cache
def _identifier() -> Any:
    # Reads its model, which takes a while.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
