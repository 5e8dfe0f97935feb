"""Tell a caption from everything else that a language model may answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.sanitize import EMAIL, HASHTAG, LINK

MIN_WORDS = 5
# This many words in a row are no chance: of a description, of the instructions. A title counts when whole.
COPIED_WORDS, ECHOED_WORDS, TITLE_WORDS = 7, 6, 4
# What is longer is no sentence: the longest words of English have fewer letters than this.
LETTERS_A_WORD = 40
# Share of letters that must be those of English; the rest are of names such as "ragtime à la française".
ENGLISH_LETTERS = 0.9

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_TYPED = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "♯": "#", "♭": "b"})
_WRAPPED = re.compile(r"""^(["'*_`]{1,6})(.*?)\1$""", re.DOTALL)
_PREAMBLE = re.compile(
    r"(?:sure|certainly|absolutely|of course|okay|ok)\b\s*[,!.:]"
    r"|here(?:'s| is| are)\b[^.!?]{0,80}:"
    r"|[^.!?]{0,60}\b(?:description|caption|sentence|answer|output)\b[^.!?]{0,40}:",
    re.IGNORECASE,
)
REFUSAL = re.compile(
    r"\bI(?:'m| am)? (?:sorry|can(?:no|')t|can not|unable|apologi[sz]e|don't|do not|won't|will not)\b"
    r"|\bas an? (?:AI|language model|assistant)\b|\blanguage model\b"
    r"|\b(?:cannot|can't|unable to) (?:fulfil+|assist|help|comply|provide|generate|create|write|describe)\b"
    r"|\bplease (?:provide|share|give)\b"
    r"|\b(?:tags?|information|music) (?:was|were|is|are) not (?:given|provided)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[<>{}\[\]|`*\\]|__|^(?:[-•]|\d+[.)])\s")
_ENDED = re.compile(r"[.!?][\"')]*$")
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]+[\"')]*(?=\s+\S)")
_NO_END = re.compile(
    r"(?:(?:^|[\s(\"'])(?:approx|ca|cf|e\.g|i\.e|etc|feat|ft|vs|mr|mrs|ms|dr|st|no|op|vol|pt)\.|\.\.+)$",
    re.IGNORECASE,
)
_LONGEST_NO_END = len(" approx.")
# Beginnings of words of which a sentence about music holds one, if it does not name a tag.
_MUSICAL = re.compile(
    r"\b(?:music|song|track|piece|tune|melod|rhythm|beat|tempo|harmon|chord|instrument|vocal|sing|voice|sound|sonic"
    r"|compos|arrang|orchestr|symphon|ballad|anthem|lullab|groov|riff|bass|drum|percuss|guitar|piano|key|string"
    r"|brass|synth|acoustic|electr|score|theme|waltz|march|overture|nocturne|interlude|ambien)",
    re.IGNORECASE,
)


def read_caption(text: str, facts: CaptionFacts, *, instructions: str, max_words: int) -> str:
    """Return what a model wrote as a caption: one line, unwrapped, with a period.

    Args:
        text: The model's answer.
        facts: What the model knew of the clip.
        instructions: The system prompt it was given.
        max_words: Longest caption.

    Raises:
        BadCaption: It is no caption; the text says why.
    """
    said, most = text.strip(), LETTERS_A_WORD * max_words
    if len(said) > most:
        raise BadCaption(f"it is {len(said)} letters long, and {most} at most are expected")
    if len(said.splitlines()) > 1:
        raise BadCaption("it has several lines")
    caption = _unwrap(said)
    for fault in _faults(caption, facts, instructions, max_words):
        raise BadCaption(fault)
    return caption if _ENDED.search(caption) else caption + "."


def _unwrap(text: str) -> str:
    """Return the text in one line, without quotes or emphasis around the whole of it."""
    line = " ".join(text.translate(_TYPED).split())
    while (wrapped := _WRAPPED.match(line)) and wrapped[1] not in wrapped[2]:
        line = wrapped[2].strip()
    return line


def _faults(caption: str, facts: CaptionFacts, instructions: str, max_words: int) -> Iterator[str]:
    words = _words(caption)
    if not words:
        yield "it is empty"
    if REFUSAL.search(caption):
        yield "it is a refusal"
    if _PREAMBLE.match(caption):
        yield "it begins with a preamble"
    if LINK.search(caption) or EMAIL.search(caption):
        yield "it holds a link or an address"
    if HASHTAG.search(caption):
        yield "it holds a hashtag"
    if _MARKUP.search(caption):
        yield "it holds markup"
    if any(unicodedata.category(character)[0] in "SC" and character not in "+=$" for character in caption):
        yield "it holds an emoji or another symbol"
    letters = [character for character in caption if character.isalpha()]
    if sum(character.isascii() for character in letters) < ENGLISH_LETTERS * len(letters):
        yield "it is not written in English letters"
    if caption[-1] in ",:;-–—":
        yield "it breaks off"
    if (sentences := _count_sentences(caption)) > 1:
        yield f"it has {sentences} sentences"
    if not MIN_WORDS <= len(words) <= max_words:
        yield f"it has {len(words)} words, and {MIN_WORDS} to {max_words} are expected"
    if _longest_run(words, _words(instructions)) >= ECHOED_WORDS:
        yield "it repeats its instructions"
    if source := _copied_from(words, facts):
        yield f"it repeats the {source}"
    if _names_artist(caption, facts.artist):
        yield "it names the artist"
    tags = {word for tag in (*facts.instruments, *facts.genres, *facts.moods) for word in _words(tag)}
    if set(words) <= tags | {"and"}:
        yield "it is nothing but the tags"
    if not tags & set(words) and not _MUSICAL.search(caption):
        yield "it says nothing about music"


def _words(text: str | None) -> list[str]:
    return [word.lower() for word in _WORD.findall((text or "").translate(_TYPED))]


def _count_sentences(caption: str) -> int:
    ends = [end.end() for end in _SENTENCE_END.finditer(caption)]
    return 1 + sum(not _NO_END.search(caption, max(0, end - _LONGEST_NO_END), end) for end in ends)


def _copied_from(words: Sequence[str], facts: CaptionFacts) -> str | None:
    """Return which crawled text a caption repeats, if any."""
    sources = [("title", facts.title), ("description", facts.description)]
    for name, text in sources + [("comments", comment) for comment in facts.comments]:
        theirs = _words(text)
        run = _longest_run(words, theirs)
        whole = run == len(theirs) and (run >= TITLE_WORDS or run == len(words))
        if theirs and (run >= COPIED_WORDS or whole):
            return name
    return None


def _longest_run(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Return how many words in a row two texts share."""
    longest, before = 0, [0] * (len(theirs) + 1)
    for word in ours:
        row = [0] * (len(theirs) + 1)
        for i, other in enumerate(theirs):
            if word == other:
                row[i + 1] = before[i] + 1
        longest, before = max(longest, *row), row
    return longest


def _names_artist(caption: str, artist: str | None) -> bool:
    """Tell whether a caption holds the artist's name, written as a name and not as the first word."""
    name = " ".join((artist or "").translate(_TYPED).split())
    if not name or name == name.lower() or len(name) > len(caption):
        return False
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", caption)
    return found is not None and (found.start() > 0 or " " in name)
