"""Tunes: motifs that come back, phrases that ask and answer, strong beats on tones of the chord."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.generators.arranger.harmony import Chord
from leitmotif.generators.arranger.score import ScoreNote

# Lengths in beats of a bar of four, from still to lively; a bar of three has its own.
_RHYTHMS = {
    4: (
        ((2, 2), (3, 1), (4,), (2, 1, 1)),
        ((1, 1, 2), (1.5, 0.5, 2), (2, 1, 1), (1, 2, 1), (1.5, 0.5, 1, 1)),
        (
            (1, 0.5, 0.5, 1, 1),
            (0.5, 0.5, 1, 2),
            (1.5, 0.5, 1, 1),
            (0.5, 0.5, 0.5, 0.5, 2),
            (1, 1, 0.5, 0.5, 1),
        ),
        (
            (0.5, 0.5, 0.5, 0.5, 1, 1),
            (0.5, 0.5, 1, 0.5, 0.5, 1),
            (0.75, 0.25, 1, 0.5, 0.5, 1),
            (1, 0.5, 0.5, 0.5, 0.5, 1),
        ),
    ),
    3: (
        ((3,), (2, 1)),
        ((2, 1), (1, 1, 1), (1.5, 0.5, 1)),
        ((1, 1, 1), (1.5, 0.5, 1), (1, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)),
        ((0.5, 0.5, 0.5, 0.5, 1), (1, 0.5, 0.5, 1), (0.5, 0.5, 0.5, 0.5, 0.5, 0.5)),
    ),
}
_STEPS = (-2, -1, -1, -1, 1, 1, 1, 2)
_PHRASE = 4  # bars


@dataclass(frozen=True)
class Theme:
    """What a melody is made of: four bars of rhythm, and how far each note is from the one before it.

    Attributes:
        bars: For each bar its notes, as (length in beats, steps of the scale from the note before).
        start: Where in the range it begins, 0 to 1.
    """

    bars: tuple[tuple[tuple[float, int], ...], ...]
    start: float


def draw_theme(rng: np.random.Generator, beats: int, arousal: float, valence: float) -> Theme:
    """Draw a theme: a motif, the motif again, something that climbs, and room to breathe.

    Args:
        rng: Source of every choice.
        beats: Beats a bar.
        arousal: Still to excited, -1 to 1: how many notes.
        valence: Unpleasant to pleasant, -1 to 1: whether the motif climbs, and how high it lies.
    """
    level = int(np.clip(round(1.5 + 1.4 * arousal + rng.normal(0, 0.3)), 0, 3))
    cells = _RHYTHMS[beats][level]
    first, other = (cells[int(each)] for each in rng.choice(len(cells), 2, replace=len(cells) < 2))
    lean = 1 if rng.random() < 0.5 + 0.35 * valence else -1
    motif = tuple((length, int(rng.choice(_STEPS))) for length in first)
    climb = tuple((length, lean * abs(int(rng.choice(_STEPS)))) for length in other)
    close = (
        ((float(beats - 1), int(rng.choice((-1, 1)))), (1.0, 0))
        if rng.random() < 0.5
        else ((float(beats), -lean),)
    )
    return Theme(
        (motif, motif, climb, close), float(np.clip(0.45 + 0.15 * valence + rng.normal(0, 0.06), 0.2, 0.7))
    )


def turned(theme: Theme) -> Theme:
    """Return a theme upside down, as a bridge has it."""
    return Theme(tuple(tuple((length, -step) for length, step in bar) for bar in theme.bars), theme.start)


def play_theme(
    rng: np.random.Generator,
    theme: Theme,
    chords: Sequence[Chord],
    scale: Sequence[int],
    tonic: int,
    *,
    low: int,
    high: int,
    first_bar: int,
    beats: int,
    velocity: int,
    ends: bool,
    legato: float,
    varied: float,
) -> list[ScoreNote]:
    """Return the notes of a theme over chords.

    Args:
        rng: Draws the variations.
        theme: The theme; it is played again and again.
        chords: A chord for each bar.
        scale: Pitch classes of the key.
        tonic: Pitch class of the key.
        low: Lowest pitch.
        high: Highest pitch.
        first_bar: Where in the score they begin.
        beats: Beats a bar.
        velocity: Of a note in the middle of a phrase.
        ends: Whether the last note is home.
        legato: Share of its time that a note sounds.
        varied: How likely a repeated long note is divided.
    """
    ladder = [pitch for pitch in range(low, high + 1) if pitch % 12 in scale]
    at = int(theme.start * (len(ladder) - 1))
    home = at
    notes: list[ScoreNote] = []
    for place, chord in enumerate(chords):
        bar = theme.bars[place % _PHRASE]
        again = place >= _PHRASE
        if place % _PHRASE == 0:
            at = home
        beat = 0.0
        for number, (length, step) in enumerate(bar):
            length = min(length, beats - beat)
            if length <= 0:
                break
            at = _kept(at + step, home, len(ladder))
            closing = place == len(chords) - 1 and number == len(bar) - 1 and ends
            if closing or beat % 2 == 0:
                at = _nearest(ladder, at, (tonic,) if closing else chord[:3])
            arch = 6 * np.sin(np.pi * ((place % _PHRASE) * beats + beat) / (_PHRASE * beats))
            loud = int(np.clip(velocity + arch + (6 if beat == 0 else 0), 20, 120))
            if again and length >= 1 and not closing and rng.random() < varied and 0 < at < len(ladder) - 1:
                beside = at + (1 if rng.random() < 0.5 else -1)
                notes.append(ScoreNote(first_bar + place, beat, length / 2 * legato, ladder[at], loud))
                notes.append(
                    ScoreNote(
                        first_bar + place, beat + length / 2, length / 2 * legato, ladder[beside], loud - 8
                    )
                )
            else:
                notes.append(ScoreNote(first_bar + place, beat, length * legato, ladder[at], loud))
            beat += length
    return notes


def _kept(at: int, home: int, size: int) -> int:
    """Return a rung of the ladder that is on it, and within an octave of where a phrase begins."""
    low, high = max(0, home - 6), min(size - 1, home + 7)
    if at < low:
        at = 2 * low - at
    if at > high:
        at = 2 * high - at
    return min(max(at, 0), size - 1)


def _nearest(ladder: Sequence[int], at: int, tones: Sequence[int]) -> int:
    """Return the rung nearest to another whose pitch class is one of some; the same where none is."""
    fitting = [rung for rung, pitch in enumerate(ladder) if pitch % 12 in tones]
    return min(fitting, key=lambda rung: (abs(rung - at), -rung)) if fitting else at


def answered(
    notes: Sequence[ScoreNote], ladder_pitches: Sequence[int], tones: Sequence[Chord]
) -> list[ScoreNote]:
    """Return a second voice: under long notes, the nearest tone of the chord a third to a sixth lower.

    Args:
        notes: The tune.
        ladder_pitches: Pitches that the second player has, ascending.
        tones: A chord for each bar of the piece.
    """
    found = []
    for note in notes:
        if note.beats < 0.7:
            continue
        below = [p for p in ladder_pitches if p % 12 in tones[note.bar][:3] and 3 <= note.pitch - p <= 9]
        if below:
            found.append(note._replace(pitch=below[-1], velocity=max(20, note.velocity - 10)))
    return found
