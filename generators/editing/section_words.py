"""Reads which part of a recording an instruction is about."""

from __future__ import annotations

import re
from collections.abc import Callable

from leitmotif.generators.editing.section import INTRO, OUTRO, SPAN, WHOLE, Section

_UNIT = r"(?: ?(?:seconds?|secs?|s|minutes?|mins?)\b)"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d{1,3})?"
_NUMBER = r"\d{1,5}(?:\.\d{1,3})?"
_TIME = rf"(?:{_CLOCK}|{_NUMBER}{_UNIT}?)"
_LENGTH = rf"(?:{_CLOCK}|{_NUMBER}{_UNIT})"
_BEGIN, _END = r"(?:the )?(?:beginning|start)", r"(?:the )?end"
_IN = (
    r"(?:(?:only |just )?(?:in|during|for|over|within|throughout|at|of|from|to|into|only|just) )?"
    r"(?:the )?(?:very )?"
)
_OF = r"(?: of (?:the |this )?(?:song|track|piece|music|recording|tune|clip|audio))?"
_ORDINALS = {"opening": "first", "final": "last", "closing": "last", "other": "second", "fourth": "last"}
_SPELLED = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty five": 45,
    "sixty": 60, "ninety": 90,
}  # fmt: skip
_NUMBER_WORD = re.compile(
    rf"\b({'|'.join(sorted(_SPELLED, key=len, reverse=True))})"
    r"(?= (?:seconds?|secs?|minutes?|mins?|db|decibels?)\b)"
)

Read = Callable[[re.Match[str]], Section]


def with_digits(text: str) -> str:
    """Return a text with digits for number words that stand before a unit: "ten seconds"."""
    return _NUMBER_WORD.sub(lambda match: str(_SPELLED[match[1]]), text)


def take_sections(text: str) -> tuple[str, list[Section]]:
    """Return a text without the words that say which part is meant, and the parts.

    Args:
        text: In lower case, with single spaces.
    """
    found = []
    for pattern, read in _PATTERNS:
        while match := pattern.search(text):
            found.append(read(match))
            text = " ".join(f"{text[: match.start()]} {text[match.end() :]}".split())
    return text, found


def _span(match: re.Match[str]) -> Section:
    start, end = match["start"], match["end"]
    unit = re.search(f"{_UNIT}$", end) if end else None
    if start and unit and ":" not in start and not re.search(f"{_UNIT}$", start):
        start += unit.group()  # "from 1 to 2 minutes"
    return Section(name=SPAN, start_s=_seconds(start), end_s=_seconds(end))


def _length(match: re.Match[str]) -> Section:
    start_s = _seconds(match["start"]) or 0.0
    return Section(name=SPAN, start_s=start_s, end_s=start_s + (_seconds(match["length"]) or 0.0))


def _edge(match: re.Match[str]) -> Section:
    length_s = _seconds(match["length"])
    if _ORDINALS.get(match["which"], match["which"]) == "first":
        return Section(name=SPAN, end_s=length_s)
    return Section(name=SPAN, start_s=-(length_s or 0.0))


def _share(match: re.Match[str]) -> Section:
    which, part = match["which"], match["part"]
    which = _ORDINALS.get(which, which)
    if (part, which) == ("half", "last"):
        which = "second"
    if part == "third":
        which = {"second": "middle", "third": "last"}.get(which, which)
    return Section(name=f"{which} {part}")


def _seconds(text: str | None) -> float | None:
    """Return a time in seconds; None of words such as "the end"."""
    if not text or not text[0].isdigit():
        return None
    if ":" in text:
        return sum(float(part) * 60**place for place, part in enumerate(reversed(text.split(":"))))
    number = re.match(_NUMBER, text)
    assert number is not None
    return float(number.group()) * (60.0 if re.search(r"\bm|\dm", text) else 1.0)


_PATTERNS: tuple[tuple[re.Pattern[str], Read], ...] = tuple(
    (re.compile(rf"(?<![\w:.]){pattern}{_OF}(?![\w:])"), read)
    for pattern, read in (
        (
            rf"(?:only )?(?:from|between) (?P<start>{_TIME}|{_BEGIN}) "
            rf"(?:up to|to|until|till|and|-) (?P<end>{_TIME}|{_END})",
            _span,
        ),
        (rf"(?:from |at )?(?P<start>{_TIME}) ?- ?(?P<end>{_TIME})", _span),
        (rf"(?:starting )?(?:at|from) (?P<start>{_TIME}) for (?P<length>{_LENGTH})", _length),
        (rf"for (?P<length>{_LENGTH}) (?:starting )?(?:at|from) (?P<start>{_TIME})", _length),
        (rf"{_IN}(?P<which>first|opening|last|final|closing) (?P<length>{_LENGTH})", _edge),
        (
            rf"{_IN}(?P<which>first|opening|second|other|last|final) (?P<part>half)",
            _share,
        ),
        (rf"{_IN}(?P<which>first|second|middle|third|last|final) (?P<part>third)", _share),
        (rf"{_IN}(?P<which>first|second|third|fourth|last|final) (?P<part>quarter)", _share),
        (rf"(?P<start>)(?:until|till|before|up to) (?P<end>{_TIME})", _span),
        (
            rf"(?:starting at|starting from|after|since|from|at) (?P<start>{_TIME})"
            r"(?: on| onwards?)?(?P<end>)",
            _span,
        ),
        (rf"{_IN}(?:intro|introduction|opening)", lambda match: Section(name=INTRO)),
        (
            r"(?:at|in|during|from|for|only) (?:the )?(?:very )?(?:beginning|start)",
            lambda match: Section(name=INTRO),
        ),
        (rf"{_IN}(?:outro|ending|coda|close)", lambda match: Section(name=OUTRO)),
        (r"(?:at|in|during|towards|for|only) (?:the )?(?:very )?end", lambda match: Section(name=OUTRO)),
        (
            r"(?:throughout(?: (?:it|the (?:whole |entire )?(?:song|track|piece|music|recording)))?"
            r"|everywhere|all the way through"
            r"|(?:in|over|through|for) the (?:whole|entire) (?:song|track|piece|recording))",
            lambda match: Section(name=WHOLE),
        ),
    )
)
