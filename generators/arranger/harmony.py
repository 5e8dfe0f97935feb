"""The harmony: progressions that fit a mood, cadences where sections end, and voices that move little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leitmotif.generators.arranger.form import Section
from leitmotif.music.score import MAJOR_SCALE, MINOR_SCALE, TWELVE_BARS

# Four bars each, as degrees of the scale from 0; every one begins at home, so that the key is plain.
_BRIGHT = ((0, 4, 5, 3), (0, 3, 4, 3), (0, 3, 0, 4), (0, 5, 3, 4), (0, 1, 3, 4))
_GENTLE = ((0, 2, 3, 0), (0, 5, 1, 4), (0, 3, 0, 4), (0, 3, 1, 4), (0, 4, 3, 0))
_DRIVEN = ((0, 5, 6, 0), (0, 0, 5, 4), (0, 3, 4, 0), (0, 5, 3, 4), (0, 0, 3, 4))
_SORROW = ((0, 5, 3, 4), (0, 3, 4, 0), (0, 3, 0, 4), (0, 5, 2, 4), (0, 0, 3, 0))
# Bridges begin away from home, and lead back.
_BRIDGES = {
    False: ((3, 0, 1, 4), (5, 2, 3, 4), (3, 4, 0, 4)),
    True: ((3, 0, 5, 4), (5, 2, 3, 4), (2, 5, 3, 4)),
}
_FOURTH, _FIFTH = 3, 4

Chord = tuple[int, ...]
"""Pitch classes, root first."""


def choose_minor(rng: np.random.Generator, valence: float) -> bool:
    """Draw the mode: the more unpleasant, the more likely minor; clear moods leave no choice."""
    return bool(rng.random() < 1 / (1 + np.exp(14.0 * valence)))


def lay_chords(
    rng: np.random.Generator,
    sections: Sequence[Section],
    *,
    tonic: int,
    minor: bool,
    arousal: float,
    sevenths: bool,
    twelve: bool = False,
) -> tuple[Chord, ...]:
    """Return a chord for each bar of the sections, and the last one, which is home.

    Sections of a kind have the same progression, so that they are known again; movements have their own.

    Args:
        rng: Source of every choice.
        sections: The form.
        tonic: Pitch class of the key.
        minor: Mode of the key.
        arousal: Still to excited, -1 to 1.
        sevenths: Whether chords have sevenths.
        twelve: Whether verses and choruses are twelve-bar blues.
    """
    table = (_DRIVEN if minor else _BRIGHT) if arousal >= 0 else (_SORROW if minor else _GENTLE)
    known: dict[tuple[str, int], Sequence[int]] = {}
    degrees: list[int] = []
    for place, section in enumerate(sections):
        key = ("verse" if section.kind in ("intro", "outro") else section.kind, section.movement)
        if key not in known:
            taken = [known[other] for other in known if other[1] == section.movement]
            known[key] = _draw(rng, _BRIDGES[minor] if key[0] == "bridge" else table, taken)
        progression = TWELVE_BARS if twelve and section.bars >= len(TWELVE_BARS) else known[key]
        bars = [progression[bar % len(progression)] for bar in range(section.bars)]
        last = place == len(sections) - 1
        if last and section.bars > 1:
            bars[-2:] = [_FOURTH, _FIFTH]  # to the last chord: the whole cadence
        elif section.bars >= len(progression) and not last:
            bars[-1] = _FIFTH
        degrees += bars
    degrees.append(0)
    return tuple(
        _chord(degree, tonic, minor, sevenths and place < len(degrees) - 1)
        for place, degree in enumerate(degrees)
    )


def _draw(
    rng: np.random.Generator, table: Sequence[Sequence[int]], taken: Sequence[Sequence[int]]
) -> Sequence[int]:
    free = [each for each in table if each not in taken] or list(table)
    return free[int(rng.integers(len(free)))]


def _chord(degree: int, tonic: int, minor: bool, sevenths: bool) -> Chord:
    """Return the triad, or the seventh chord, on a degree; the fifth of minor leads home by a major third."""
    scale = MINOR_SCALE if minor else MAJOR_SCALE
    chord = [(tonic + scale[(degree + 2 * step) % 7]) % 12 for step in range(4 if sevenths else 3)]
    if minor and degree == _FIFTH:
        chord[1] = (tonic + 11) % 12
    return tuple(chord)


def voice(chords: Sequence[Chord], low: int, high: int, *, most: int = 4) -> list[tuple[int, ...]]:
    """Return close pitches for each chord, each inversion the one that moves least from the one before.

    Args:
        chords: The chords.
        low: Lowest pitch.
        high: Highest pitch, an octave or more above.
        most: Notes at most; the fifth goes first.
    """
    found: list[tuple[int, ...]] = []
    for chord in chords:
        tones = chord if len(chord) <= most else (chord[0], *chord[1:2], *chord[3:])[:most]
        options = _inversions(tones, low, high)
        centre = (low + high) / 2
        before = found[-1] if found else None
        found.append(min(options, key=lambda option: _distance(option, before, centre)))
    return found


def _inversions(tones: Chord, low: int, high: int) -> list[tuple[int, ...]]:
    found = []
    for turn in range(len(tones)):
        order = (*tones[turn:], *tones[:turn])
        for base in range(low + (order[0] - low) % 12, high + 1, 12):
            pitches = [base]
            for tone in order[1:]:
                pitches.append(pitches[-1] + ((tone - pitches[-1]) % 12 or 12))
            if pitches[-1] <= high:
                found.append(tuple(pitches))
    if not found:  # a range that is too narrow for any: from its lowest note upwards
        base = low + (tones[0] - low) % 12
        found.append(tuple(base + (tone - tones[0]) % 12 for tone in tones))
    return found


def _distance(option: Sequence[int], before: Sequence[int] | None, centre: float) -> float:
    """Return how far voices move, and a little for how far they are from the middle of the range."""
    apart = abs(float(np.mean(option)) - centre)
    if before is None:
        return apart
    moves = sum(min(abs(pitch - other) for other in before) for pitch in option)
    return moves + abs(option[-1] - before[-1]) + 0.25 * apart
