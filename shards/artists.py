"""The names in an artist field, folded so that spellings of one name agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files

from leitmotif.shards.texts import normalized

# What stands in the field where nobody is meant.
_NOBODY = frozenset(
    (
        *("", "-", "?", "unknown", "unknownartist", "artist", "noartist", "none", "null", "na", "nan"),
        *("various", "variousartists", "va", "anonymous", "traditional", "misc"),
    )
)
# Words between names: "A feat. B", "A y B". One needs spaces at both sides.
_WORDS = (
    "feat|ft|featuring|vs|versus|with|w/|and|x|y|et|con|und|aka|a\\.k\\.a|prod(?:\\.?\\ by|uced\\ by)?|pres"
)
# (Without the bound on brackets, the time would grow with the square of their number.)
# ", Jr." parts nothing, nor does the dot between katakana, where a foreign name has its space.
_BETWEEN = re.compile(
    rf"""
    [\s(\[]{{1,8}} (?:{_WORDS}) (?<=[\w/])\.? \s+ | \s* (?:,(?!\s*(?:jr|sr)\b)|[;×、]) \s* | \s+ [&+/|·•] \s+
    | (?<=\w\w\w) & (?=\w\w\w) | \s* (?: (?<![ァ-ヺー])・ | ・(?![ァ-ヺ]) ) \s*
    """,
    re.VERBOSE,
)
_AND = re.compile(r"[\s-]{1,8}(?:and|y|et|und|con|n)[\s-]+|\s*[&+]\s*")
_SORTED = re.compile(r"^([^,]+),\s*the$")
# (Brackets around the start of a word are part of the name.)
_BRACKET = re.compile(r"[(\[]([^()\[\]]*)[)\]](?!\w)")
# In brackets such words tell namesakes apart, or say what a channel is; anything else is another name.
_NO_ALIAS = re.compile(
    r"\b(?:official|oficial|live|band|group|duo|trio|singer|rapper|musician|dj|producer|artist|music|channel|"
    r"topic|remix|original|cover|uk|us|usa|\w{1,3}|\d+)\b"
)
# One name in two scripts, as channels of East Asia write it: "米津玄師 Kenshi Yonezu".
_TWO_SCRIPTS = re.compile(r"([^\x00-\u02ff]+) ([\x00-\u02ff]+)|([\x00-\u02ff]+) ([^\x00-\u02ff]+)")
# Ends of the channels that bear an artist's name. What is written together shows by its capitals.
_TOPIC = re.compile(r"\s[-‐-―]\s+topic$")
_GLUED = re.compile(r"(?<=[^\W_A-Z])(?=(?:Official|Oficial|Music|TV|Channel)$)|(?<=[^\W_])(?=(?i:vevo)$)")
_CHANNEL = frozenset(
    (
        *("official", "oficial", "officiel", "offiziell", "ufficiale", "vevo", "channel", "tv", "music"),
        *("youtube", "videos", "公式", "公式チャンネル", "공식"),
    )
)
# Letters that Unicode does not take apart, and signs that stand for letters within a name.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "$": "s"})
_INNER_I = re.compile(r"(?<=\w)!(?=\w)")
_ACCENTS = re.compile("[\u0300-\u036f]")
_LEAST_WITHOUT_THE = 4


@lru_cache(maxsize=65_536)
def artist_names(artist: str | None) -> tuple[str, ...]:
    """Return the names in an artist field, in order, each once; none where nobody is named.

    A name is its letters and digits: case, accents, spaces, hyphens, apostrophes, a leading "The" and the
    endings of channels (`- Topic`, `VEVO`, `Official Channel`, …) do not count. Joint work names everybody:
    `Foo feat. Bár` is `foo` and `bar`; so does a name with another in brackets. Names that hold an "and" or a
    comma themselves are known from a list (`whole_names.txt`).
    """
    text = _folded(_GLUED.sub(" ", normalized("NFKC", artist or "").strip()))
    names = (_key(name) for part in _parts(text) for name in _aliases(part))
    return tuple(dict.fromkeys(name for name in names if name not in _NOBODY))


def written_names(artist: str) -> dict[str, str]:
    """Return how the names in an artist field are written there, by the name as `artist_names` has it.

    One that shows in no part of the text by itself is left out.
    """
    text = " ".join(artist.split())
    small = text.lower()
    # (Of a few letters the small one is longer; the separators are then found in small letters alone.)
    cuts = [found.span() for found in _BETWEEN.finditer(small if len(small) == len(text) else text)]
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)]
    parts = [text, *(text[start:end] for start, end in zip(starts, ends, strict=True))]
    parts += [piece for part in parts for piece in (_BRACKET.sub(" ", part), *_BRACKET.findall(part))]
    found: dict[str, str] = {}
    for part in parts:
        names = artist_names(part)
        if len(names) == 1:
            found.setdefault(names[0], " ".join(part.split()))
    return {name: found[name] for name in artist_names(artist) if name in found}


def _folded(text: str) -> str:
    """Return a text in small letters without accents, its spaces single."""
    plain = _ACCENTS.sub("", normalized("NFKD", text.casefold()))
    # (A name that consists of accents alone keeps them.)
    joined = normalized("NFC", plain or text).translate(_LETTERS)
    return " ".join(_INNER_I.sub("i", joined).split())


def _parts(text: str) -> Iterator[str]:
    """Yield what stands between separators, names of the list as they are."""
    text = _SORTED.sub(r"the \1", text)
    known = _whole_names()
    for word in dict.fromkeys(re.findall(r"\w+", text)):
        if word in known:
            text = known[word].sub(lambda found: _letters(_AND.sub(" ", found[0])), text)
    yield from _BETWEEN.split(text)


def _aliases(part: str) -> Iterator[str]:
    """Yield a name, and another that stands in brackets behind it."""
    outside = _BRACKET.sub(" ", part)
    if outside.strip():
        yield outside
        if scripts := _TWO_SCRIPTS.fullmatch(" ".join(outside.split())):
            names = [name.strip() for name in scripts.groups() if name]
            latin = next((name for name in names if name.isascii()), "")
            if any(not _NO_ALIAS.fullmatch(word) for word in latin.split()):  # "DJ", "Official" are no names
                yield from names
        for inside in _BRACKET.findall(part):
            # A name of several words, or in another script.
            foreign = (not inside.isascii() and outside.isascii()) or (
                inside.isascii() and not outside.isascii()
            )
            if foreign or (" " in inside.strip() and not _NO_ALIAS.search(inside)):
                yield inside
    else:
        yield part


def _key(name: str) -> str:
    """Return the letters and digits of a name without the ends of channels; a name of signs as it is."""
    name = _TOPIC.sub("", name.strip(" .()[]\"'“”"))
    words = name.split()
    while len(words) > 1 and words[-1] in _CHANNEL:
        words.pop()
    key = _letters(" ".join(words))
    if key.startswith("the") and len(key) >= len("the") + _LEAST_WITHOUT_THE:
        key = key.removeprefix("the")
    return _joined_by_and().get(key, key) or name


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@cache
def _names_of_list() -> tuple[str, ...]:
    lines = files("leitmotif.shards").joinpath("whole_names.txt").read_text(encoding="utf-8").splitlines()
    return tuple(_folded(line) for line in lines if not line.startswith("#"))


@cache
def _whole_names() -> dict[str, re.Pattern[str]]:
    """Return patterns for the names of the list by their first words; of two that fit, the longer wins."""
    by_word: dict[str, list[str]] = {}
    for name in sorted(_names_of_list(), key=len, reverse=True):
        by_word.setdefault(re.findall(r"\w+", name)[0], []).append(_any_spelling(name))
    return {word: re.compile("|".join(patterns)) for word, patterns in by_word.items()}


@cache
def _joined_by_and() -> dict[str, str]:
    """Return the keys of the list as a channel writes them ("earthwindandfire") with those that count."""
    return {_letters(name.replace("&", "and")): _letters(_AND.sub(" ", name)) for name in _names_of_list()}


def _any_spelling(name: str) -> str:
    """Return a pattern for a name of the list, whatever joins its words."""
    words = [re.escape(word) for word in re.split(r"[\s,&]+", name)]
    return (
        r"(?<!\w)"
        + r"(?:\s*,\s*|[\s-]+|(?=[&+]))(?:(?:and|y|et|und|con|n|[&+])[\s-]*)?".join(words)
        + r"(?!\w)"
    )
