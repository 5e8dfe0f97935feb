"""The strict grid of a piece: notes, keys, chord progressions, bars and beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MAJOR_KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")


MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)


MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)


PROGRESSIONS_MAJOR = (
    (0, 4, 5, 3),
    (0, 5, 3, 4),
    (0, 3, 4, 4),
    (0, 3, 0, 4),
    (0, 5, 1, 4),
    (0, 2, 3, 4),
    (0, 4, 3, 3),
    (0, 0, 3, 0),
)


PROGRESSIONS_MINOR = (
    (0, 5, 2, 6),
    (0, 3, 4, 0),
    (0, 6, 5, 4),
    (0, 5, 3, 4),
    (0, 3, 0, 4),
    (0, 0, 5, 6),
    (0, 2, 6, 3),
    (0, 0, 3, 0),
)


TWELVE_BARS = (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4)


class Note(NamedTuple):
    """One note: times in seconds, pitch a MIDI number, velocity 1..127."""

    start_s: float
    duration_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Grid:
    """The strict time grid of a piece and its harmony.

    Attributes:
        tempo_bpm: Quarter notes a minute.
        beats: Quarter notes a bar.
        bars: Whole bars, enough to cover the excerpt.
        swing: Where the second eighth of a beat falls, 0.5 (straight) to 0.67.
        tonic: Pitch class of the key.
        minor: Whether the key is minor.
        chords: One tuple of pitch classes a bar, root first.
    """

    tempo_bpm: float
    beats: int
    bars: int
    swing: float
    tonic: int
    minor: bool
    chords: tuple[tuple[int, ...], ...]

    @property
    def beat_s(self) -> float:
        """Length of a quarter note."""
        return 60.0 / self.tempo_bpm

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of the key."""
        steps = MINOR_SCALE if self.minor else MAJOR_SCALE
        return tuple((self.tonic + step) % 12 for step in steps)

    @property
    def key(self) -> str:
        """Name of the key, such as `"F# minor"`."""
        return f"{MINOR_KEYS[self.tonic]} minor" if self.minor else f"{MAJOR_KEYS[self.tonic]} major"

    def time_s(self, bar: int, beat: float) -> float:
        """Start of a position of the grid; the off-eighths are moved by the swing."""
        whole, fraction = divmod(beat, 1.0)
        if fraction <= 0.5:
            fraction = fraction * 2 * self.swing
        else:
            fraction = self.swing + (fraction - 0.5) * 2 * (1 - self.swing)
        return (bar * self.beats + whole + fraction) * self.beat_s


def draw_grid(
    rng: np.random.Generator,
    *,
    tempo_bpm: float,
    duration_s: float,
    minor: bool,
    beats: int = 4,
    swing: float = 0.5,
    sevenths: float = 0.2,
    form: str = "loop",
) -> Grid:
    """Draw key and progression and lay out enough bars to cover an excerpt.

    Args:
        rng: Source of every choice.
        tempo_bpm: Quarter notes a minute.
        duration_s: Length of the excerpt.
        minor: Mode of the key.
        beats: Quarter notes a bar.
        swing: Where the off-eighth falls.
        sevenths: Probability that chords carry sevenths.
        form: `loop` (four bars), `twelve` (blues), `drone` (one chord) or `slow` (two bars a chord).
    """
    tonic = int(rng.integers(12))
    scale = MINOR_SCALE if minor else MAJOR_SCALE
    bars = int(np.ceil(duration_s / (60.0 / tempo_bpm * beats))) + 2
    table = PROGRESSIONS_MINOR if minor else PROGRESSIONS_MAJOR
    degrees: Sequence[int] = table[int(rng.integers(len(table)))]
    if form == "twelve":
        degrees = TWELVE_BARS
    elif form == "drone":
        degrees = (0,)
    elif form == "slow":
        degrees = [degree for degree in degrees for _ in range(2)]
    size = 4 if rng.random() < sevenths else 3
    leading = minor and rng.random() < 0.35
    chords = []
    for bar in range(bars):
        degree = degrees[bar % len(degrees)]
        chord = [(tonic + scale[(degree + 2 * i) % 7]) % 12 for i in range(size)]
        if form == "twelve" and not minor:
            root = chord[0]
            chord = [root, (root + 4) % 12, (root + 7) % 12, (root + 10) % 12]
        if leading and degree == 4:
            chord[1] = (tonic + 11) % 12
        chords.append(tuple(chord))
    return Grid(tempo_bpm, beats, bars, swing, tonic, minor, tuple(chords))


def excerpt(notes: Sequence[Note], offset_s: float, duration_s: float) -> list[Note]:
    """Cut the notes of a window, from its start; a note that the start cuts stays if enough of it is left."""
    kept = []
    for note in notes:
        start = note.start_s - offset_s
        end = start + note.duration_s
        if start >= duration_s or end <= 0.0:
            continue
        if start < 0.0:
            if start < -0.02 and end < 0.15:
                continue
            kept.append(Note(0.0, end, note.pitch, note.velocity))
        else:
            kept.append(Note(start, note.duration_s, note.pitch, note.velocity))
    return kept


def humanise(
    notes: Sequence[Note], rng: np.random.Generator, spread_s: float, spread_velocity: float
) -> list[Note]:
    """Move starts by at most 10 ms and velocities a little."""
    moves = np.clip(rng.normal(0.0, max(spread_s, 1e-9), len(notes)), -0.01, 0.01)
    louder = rng.normal(0.0, max(spread_velocity, 1e-9), len(notes))
    return [
        Note(
            max(0.0, note.start_s + float(move)),
            note.duration_s,
            note.pitch,
            int(np.clip(note.velocity + change, 8, 127)),
        )
        for note, move, change in zip(notes, moves, louder, strict=True)
    ]
