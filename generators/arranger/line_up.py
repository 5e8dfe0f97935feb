"""Who plays what: the instruments that were asked for, and those that a genre adds to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leitmotif.music.sounds import SOUNDS
from leitmotif.music.styles import STYLES, Style

# Programs of the sound font that sound best where a label has several.
_PROGRAMS = {
    "violin": 40, "strings": 48, "piano": 0, "electric piano": 4, "acoustic guitar": 25, "bass guitar": 33,
    "organ": 19, "accordion": 21, "flute": 73, "oboe": 68, "saxophone": 66, "trumpet": 56, "trombone": 57,
    "brass": 61, "mallet percussion": 12, "bells": 14, "timpani": 47, "synthesizer": 81, "synth pad": 89,
    "drums": 0, "hand percussion": 0, "drum machine": 25,
}  # fmt: skip
_BY_GENRE = {
    ("electric guitar", "metal"): 30, ("electric guitar", "rock"): 29, ("electric guitar", "jazz"): 26,
    ("electric guitar", "blues"): 27, ("electric guitar", "funk"): 28, ("electric guitar", "reggae"): 28,
    ("organ", "rock"): 16, ("organ", "blues"): 16, ("organ", "funk"): 16, ("organ", "reggae"): 16,
    ("organ", "jazz"): 17, ("bass guitar", "jazz"): 32, ("bass guitar", "electronic"): 38,
    ("bass guitar", "hip hop"): 39, ("bass guitar", "folk"): 32, ("bass guitar", "country"): 32,
    ("drums", "rock"): 16, ("drums", "metal"): 16, ("drums", "jazz"): 32, ("drums", "cinematic"): 48,
    ("drums", "classical"): 48, ("acoustic guitar", "classical"): 24, ("acoustic guitar", "latin"): 24,
    ("bells", "classical"): 9, ("bells", "ambient"): 10, ("mallet percussion", "jazz"): 11,
}  # fmt: skip
# What carries a line where a genre names none that is free.
_LEADS = ("piano", "violin", "flute", "clarinet", "electric guitar", "synthesizer", "bells")
_CHORDS = ("piano", "acoustic guitar", "electric piano", "organ", "strings", "harp")
# One of these alone can play tune and chords together.
_WHOLE = (
    "piano", "electric piano", "organ", "harpsichord", "accordion", "harp", "acoustic guitar", "synthesizer",
    "electric guitar", "mallet percussion", "banjo", "sitar",
)  # fmt: skip
_CONTRABASS, _BASS_OF_STRINGS = 43, "strings"
_BEATING = ("drums", "drum machine", "hand percussion")
_STILL = -0.5  # below this arousal nobody drums


@dataclass(frozen=True)
class Player:
    """An instrument with what it plays.

    Attributes:
        label: Label of the instrument.
        role: See `leitmotif.generators.arranger.score.Part`.
        program: General MIDI program, or number of the drum kit.
        asked: Whether it was asked for.
    """

    label: str
    role: str
    program: int
    asked: bool = False

    @property
    def name(self) -> str:
        """What its part is called."""
        return f"{self.label} ({self.role})"


def choose_players(
    rng: np.random.Generator,
    genre: str,
    asked: tuple[str, ...],
    *,
    arousal: float,
    alone: bool,
    without: tuple[str, ...] = (),
) -> tuple[Player, ...]:
    """Return the players: those asked for first, and what a piece of the genre lacks then.

    Args:
        rng: Source of every choice.
        genre: A key of `STYLES`.
        asked: Labels that are to play.
        arousal: Still to excited, -1 to 1; quiet pieces have fewer players.
        alone: Whether nobody else plays.
        without: Labels that do not play; without drums nobody beats time, whatever on.
    """
    style = STYLES[genre]
    taken: dict[str, str] = {}  # role → label
    players: list[tuple[str, str, bool]] = []

    def add(label: str, role: str, wanted: bool) -> None:
        taken.setdefault(role, label)
        players.append((label, role, wanted))

    for label in asked:
        add(label, _role(label, taken), True)
    leads = [label for label in asked if "melody" in SOUNDS[label].roles]
    if leads and "melody" not in taken:
        add(leads[0], "melody", True)
    if asked and "chords" not in taken and "arpeggio" not in taken and len(asked) == 1 and asked[0] in _WHOLE:
        add(asked[0], "chords", True)
    if not alone:
        labels = _others(rng, style, set(taken), asked, arousal, without)
        for label, role in labels:
            add(label, role, False)
    unique = dict.fromkeys((label, role, wanted) for label, role, wanted in players)
    return tuple(Player(label, role, _program(label, role, genre), wanted) for label, role, wanted in unique)


def _role(label: str, taken: dict[str, str]) -> str:
    roles = SOUNDS[label].roles
    free = [role for role in roles if role not in taken]
    if free:
        return free[0]
    return "answer" if roles[0] == "melody" else roles[0]


def _others(
    rng: np.random.Generator,
    style: Style,
    taken: set[str],
    asked: tuple[str, ...],
    arousal: float,
    without: tuple[str, ...],
) -> list[tuple[str, str]]:
    """Return who fills the roles that are empty: chords, bass, melody, pad, and drums where there is life."""
    pool = [str(rng.choice(choice)) for choice in style.core] + [
        str(each) for each in rng.permutation(style.colours)
    ]
    used = {*asked, *without}
    found: list[tuple[str, str]] = []

    def fill(role: str, spare: tuple[str, ...]) -> None:
        options = [label for label in (*pool, *spare) if role in SOUNDS[label].roles and label not in used]
        if role not in taken and options:
            used.add(options[0])
            found.append((options[0], role))

    if "arpeggio" not in taken:
        fill("chords", _CHORDS)
    fill("bass", ("bass guitar", "cello"))
    fill("melody", _LEADS)
    beaten = bool(style.drums) and arousal > _STILL and not set(without) & set(_BEATING)
    if beaten and not {"drums", "hand"} & taken:
        fill("drums" if "hand percussion" not in pool[: len(style.core)] else "hand", ("drums",))
    if arousal < 0.2 or style.wetness > 0.6:
        fill("pad", ("strings", "synth pad"))
    elif len(asked) < 2 and arousal > 0.3:
        fill("answer", ())
    return found


def _program(label: str, role: str, genre: str) -> int:
    if role == "bass" and label == _BASS_OF_STRINGS:
        return _CONTRABASS
    usual = _PROGRAMS.get(label, SOUNDS[label].programs[0])
    return _BY_GENRE.get((label, genre), usual)
