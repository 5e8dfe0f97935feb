"""Text that strangers wrote on web pages, made fit to stand as data in a prompt."""

from __future__ import annotations

import re
import unicodedata

from leitmotif.shards.texts import normalized

_DOMAINS = (
    "com|net|org|info|biz|io|me|tv|ly|gl|gg|fm|co|be|app|xyz|link|site|shop|store|online|club|eu|us|uk|de|fr|es|it"
    "|nl|ru|jp|kr|cn|br|in"
)
# (A host's name has labels of 63 letters at most, a mailbox 64: RFC 1035, RFC 5321. Without these bounds the
# time for a text without blanks would grow with the square of its length.)
LINK = re.compile(
    rf"\b[a-z][a-z0-9+.-]{{0,30}}://\S*|\bwww\.\S+"
    rf"|\b(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{_DOMAINS})\b(?:[/?#:]\S*)?",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]+")
HASHTAG = re.compile(r"(?<!\w)#(?=\w*[^\W\d])\w+")
_MENTION = re.compile(r"(?<!\w)@\w[\w.]*")
_TIMESTAMP = re.compile(r"(?<![\d:])\d{1,3}:\d{2}(?::\d{2})?(?![\d:])")
# What sets off parts of a prompt: [INST], templates, headings, rulers. Of tags and special tokens such as
# <|eot_id|>, the symbols are gone before.
_DELIMITERS = re.compile(r"[{}\[\]\\]|#{2,}|(?:\*|_|-|—|=){3,}")
_REPEATED = re.compile(r"([^\w\s])\1{2,}")
_STACKED_MARKS = re.compile(r"([\u0300-\u036f]{2})[\u0300-\u036f]+")
_PITCHES = str.maketrans({"♭": " flat", "♯": " sharp", "’": "'", "‘": "'", "“": '"', "”": '"'})
# A short line that led to a link says nothing without it: "Follow me on Instagram:".
_LEADING_WORDS = 6


def clean_text(text: str | None, max_chars: int) -> str | None:
    """Return one line of plain words: no links, addresses, hashtags, times, emoji, controls or delimiters.

    Args:
        text: Crawled text in any language; None where there is none.
        max_chars: Longer text is cut behind a word.

    Returns:
        The text; None where no letter is left.
    """
    plain = "".join(map(_plain, normalized("NFKC", (text or "").translate(_PITCHES))))
    line = " ".join(" ".join(_clean_line(line) for line in plain.splitlines()).split())
    if len(line) > max_chars:
        line = line[: max_chars + 1].rpartition(" ")[0] or line[:max_chars]
    return line if any(character.isalpha() for character in line) else None


def _plain(character: str) -> str:
    """Return a letter, mark, digit, blank or punctuation as it is, a blank for an emoji or other symbol."""
    category = unicodedata.category(character)
    if category[0] in "LNPZ" or character.isspace() or character in "+=$":
        return character
    if category in ("Mn", "Mc"):
        # Variation selectors draw nothing, and can spell hidden text.
        return "" if 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF else character
    return " " if category[0] == "S" else ""


def _clean_line(line: str) -> str:
    line, links = LINK.subn(" ", EMAIL.sub(" ", line))
    for pattern in (HASHTAG, _MENTION, _TIMESTAMP, _DELIMITERS):
        line = pattern.sub(" ", line)
    line = _STACKED_MARKS.sub(r"\1", _REPEATED.sub(r"\1", line))
    leads = links and line.rstrip().endswith(":") and len(line.split()) < _LEADING_WORDS
    return "" if leads else line
