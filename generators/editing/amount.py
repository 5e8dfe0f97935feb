"""Reads by how much something is to be louder or softer."""

from __future__ import annotations

import math
import re

from leitmotif.generators.editing.edit import LEAST_DB, LITTLE_DB, MUCH_DB

_NUMBER = r"(\d{1,4}(?:\.\d{1,4})?)"
_DB = re.compile(rf"(?:\bby )?(?:about |around |roughly )?([+-])? ?{_NUMBER} ?(?:db|decibels?|dbs)\b")
_PERCENT = re.compile(rf"(?:\bby )?(?:about |around )?{_NUMBER} ?(?:%|percent|per cent)")
_TIMES = re.compile(r"\b(?:twice|double|two times|2 times)(?: as)?(?= loud)|\bhalf(?: as)?(?= loud)")
_LITTLE = re.compile(
    r"\b(?:just )?(?:a (?:little |tiny )?bit|a little|a touch|a tad|slightly|somewhat|subtly)\b"
)
_MUCH = re.compile(r"\b(?:very )?(?:much|a lot|lots|far|way|considerably|significantly|strongly|greatly)\b")
# Twice the loudness is ten times the power.
_TWICE_DB = 10.0


def take_amount(clause: str) -> tuple[str, float | None, int]:
    """Return a clause without the words that say by how much, that in dB, and the sign before it."""

    def without(match: re.Match[str], instead: str = "") -> str:
        return " ".join(f"{clause[: match.start()]} {instead} {clause[match.end() :]}".split())

    if match := _DB.search(clause):
        return without(match), float(match[2]), {"+": 1, "-": -1}.get(match[1] or "", 0)
    if match := _TIMES.search(clause):
        louder = not match.group().startswith("half")
        # "twice as loud" is "louder" by so much
        said = re.sub(r"\bloud\b", "louder" if louder else "softer", without(match), count=1)
        return said, _TWICE_DB, 0
    if match := _PERCENT.search(clause):
        share = min(float(match[1]), 99.0) / 100
        said = without(match)
        rises = not re.search(r"\b(?:softer|quieter|lower|down|reduce|decrease|attenuate|less)\b", said)
        factor = 1 + float(match[1]) / 100 if rises else 1 - share
        return said, max(abs(20 * math.log10(factor)), LEAST_DB), 0
    if match := _LITTLE.search(clause):
        return without(match), LITTLE_DB, 0
    if match := _MUCH.search(clause):
        return without(match), MUCH_DB, 0
    return clause, None, 0
