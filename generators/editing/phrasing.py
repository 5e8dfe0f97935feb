"""Writes instructions: one edit in the many ways in which people ask for it."""

from __future__ import annotations

import numpy as np

from leitmotif.generators.editing.edit import EVERYTHING, LITTLE_DB, MUCH_DB, USUAL_DB, Edit
from leitmotif.generators.editing.section import SPAN, WHOLE, Section, clock

_ADD = ("add {x}", "insert {x}", "include {x}", "bring in {x}", "put in {x}", "introduce {x}", "layer in {x}")
_REMOVE = (
    "remove {t}", "take out {t}", "take {t} out", "mute {t}", "get rid of {t}", "drop {t}", "cut {t}",
    "make it without {t}", "leave out {t}", "delete {t}",
)  # fmt: skip
_REPLACE = (
    "replace {t} with {x}", "swap {t} for {x}", "use {x} instead of {t}", "turn {t} into {x}",
    "substitute {t} with {x}", "change {t} to {x}",
)  # fmt: skip
_LOUDER = (
    "make {t}{m} louder{n}", "turn {t} up{m}{n}", "turn up {t}{m}{n}", "boost {t}{m}{n}", "raise {t}{m}{n}",
    "increase the volume of {t}{m}{n}", "bring {t} up{m}{n}",
)  # fmt: skip
_SOFTER = (
    "make {t}{m} softer{n}", "make {t}{m} quieter{n}", "turn {t} down{m}{n}", "turn down {t}{m}{n}",
    "lower {t}{m}{n}", "reduce the volume of {t}{m}{n}", "bring {t} down{m}{n}",
)  # fmt: skip
_WAYS = {"add": _ADD, "remove": _REMOVE, "replace": _REPLACE, "louder": _LOUDER, "softer": _SOFTER}
_ALL = ("everything", "it", "the music", "the whole mix")
_LITTLE, _MUCH = (" a bit", " slightly", " a little"), (" much", " a lot", " considerably")
_POLITE = ("please ", "could you ", "now ")
_PRECEDES, _POLITELY = 0.25, 0.1


def phrase(edit: Edit, rng: np.random.Generator) -> str:
    """Return an instruction that asks for an edit.

    Args:
        edit: What is to be changed; `add` and `replace` say it in its `words`.
        rng: Chooses the way.
    """

    def one(ways: tuple[str, ...]) -> str:
        return str(ways[int(rng.integers(len(ways)))])

    target = one(_ALL) if edit.target == EVERYTHING else f"the {edit.target}"
    manner, number = "", ""
    if edit.amount_db == LITTLE_DB and rng.random() < 0.5:
        manner = one(_LITTLE)
    elif edit.amount_db == MUCH_DB and rng.random() < 0.5:
        manner = one(_MUCH)
    elif edit.amount_db is not None and (edit.amount_db != USUAL_DB or rng.random() < 0.5):
        number = f" by {edit.amount_db:g} dB"
    said = one(_WAYS[edit.action]).format(t=target, x=edit.words, m=manner, n=number)
    if rng.random() < _POLITELY:
        said = f"{one(_POLITE)}{said}"
    where = _where(edit.section, rng)
    if where and rng.random() < _PRECEDES and "throughout" not in where:
        said = f"{where}, {said}"
    elif where:
        said = f"{said} {where}"
    return said[0].upper() + said[1:] + ("." if rng.random() < 0.5 else "")


def _where(section: Section, rng: np.random.Generator) -> str:
    """Return in words where something is; nothing of what is everywhere, or mostly so."""
    if section.name == WHOLE:
        return "throughout" if rng.random() < 0.1 else ""
    if section.name == SPAN:
        if section.start_s is not None and section.end_s is not None and rng.random() < 0.3:
            return f"between {clock(section.start_s)} and {clock(section.end_s)}"
        return str(section)
    return str(section).replace("in the", "during the", 1) if rng.random() < 0.3 else str(section)
