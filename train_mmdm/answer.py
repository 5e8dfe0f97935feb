"""What the model writes: the visual elements, the attributes of the music, and its description."""

from __future__ import annotations

import re
from dataclasses import dataclass

VISUALS, MUSIC = "Visual elements", "Music"
_LISTS = {"mood": "moods", "tempo": "tempo", "genre": "genres", "instruments": "instruments"}
_PART = re.compile(r"(Mood|Tempo|Genre|Instruments): ([^.\n]*)")


@dataclass(frozen=True)
class Answer:
    """The parts of an answer; empty where they are not known.

    Attributes:
        description: One sentence about the music.
        visuals: Phrase about the pictures.
        moods: Labels, best first.
        tempo: "slow", "medium" or "fast".
        genres: Labels, best first.
        instruments: Labels, best first.
    """

    description: str
    visuals: str | None = None
    moods: tuple[str, ...] = ()
    tempo: str | None = None
    genres: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()


def write_answer(answer: Answer) -> str:
    """Return the text that the training instruction asks for; parts that are not known are left out."""
    parts = {
        "Mood": ", ".join(answer.moods),
        "Tempo": answer.tempo or "",
        "Genre": ", ".join(answer.genres),
        "Instruments": ", ".join(answer.instruments),
    }
    lines = [
        f"{VISUALS}: {answer.visuals}." if answer.visuals else "",
        " ".join(f"{name}: {text}." for name, text in parts.items() if text),
        f"{MUSIC}: {answer.description}",
    ]
    return "\n".join(line for line in lines if line)


def read_answer(text: str) -> Answer:
    """Return the parts of what a model wrote; a text without marked parts is a description."""
    text = text.strip()
    before, marked, description = text.rpartition(f"{MUSIC}:")
    if not marked:
        before, description = (text, "") if text.startswith(f"{VISUALS}:") else ("", text)
    visuals = re.search(rf"{VISUALS}: ([^\n]*?)\.?(?:\n|$)", before)
    found: dict[str, tuple[str, ...]] = {}
    for name, listed in _PART.findall(before):
        labels = tuple(label.strip() for label in listed.split(",") if label.strip())
        found.setdefault(_LISTS[name.lower()], labels)
    return Answer(
        description=description.strip(),
        visuals=visuals.group(1) if visuals else None,
        moods=found.get("moods", ()),
        tempo=next(iter(found.get("tempo", ())), None),
        genres=found.get("genres", ()),
        instruments=found.get("instruments", ()),
    )
