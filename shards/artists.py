"""The names in an artist field, folded so that spellings of one name agree."""

from __future__ import annotations

import re
import unicodedata

# What stands in the field where nobody is meant.
_NOBODY = frozenset(
    (
        *("", "-", "?", "unknown", "unknown artist", "artist", "no artist", "none", "null", "n/a", "nan"),
        *("various", "various artists", "v.a", "v/a", "va", "anonymous", "traditional", "misc"),
    )
)
# Between names: "A feat. B", "A (ft. B)", "A, B & C", "A x B", "A / B", "A vs. B".
_BETWEEN = re.compile(
    r"""[\s(\[]+ (?:feat|ft|featuring|vs|versus|with|and|x) \b\.? \s+ | \s* [,;&] \s* | \s+ [/+|] \s+""",
    re.VERBOSE,
)
# Endings of the channels that bear an artist's name.
_CHANNEL = re.compile(r"\s+-\s+topic$|\s*vevo$")


def artist_names(artist: str | None) -> tuple[str, ...]:
    """Return the names in an artist field, in order, each once; none where nobody is named.

    Case, accents, full-width letters, spaces and the endings of channels (`- Topic`, `VEVO`) do not count,
    and joint work names everybody: `Foo feat. Bár` is `foo` and `bar`.
    """
    # (A name that consists of accents alone keeps them.)
    text = unicodedata.normalize("NFKD", artist or "").casefold()
    plain = "".join(letter for letter in text if not unicodedata.combining(letter)) or text
    names = (_CHANNEL.sub("", " ".join(part.split()).strip(" .()[]\"'“”")) for part in _BETWEEN.split(plain))
    return tuple(dict.fromkeys(name for name in names if name not in _NOBODY))
