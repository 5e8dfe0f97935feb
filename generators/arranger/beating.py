"""Drums and hand percussion: a pattern of the genre, thinner where it is quiet, with fills at its end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leitmotif.generators.arranger.score import ScoreNote
from leitmotif.music.drumming import (
    CLOSED,
    CRASH,
    DRUM_PATTERNS,
    HAND_PATTERNS,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MIDDLE_TOM,
    PEDAL,
    RIDE,
    RIM,
    SHAKER,
    SNARE,
    VELOCITIES,
)

# One bar of three beats, twelve steps; the patterns of the genres have four.
_WALTZES: tuple[dict[int, str], ...] = (
    {KICK: "x...........", SNARE: "....o...o...", CLOSED: "x...x...x..."},
    {KICK: "x...........", RIM: "....x...x...", RIDE: "x...x.x.x..."},
)
_HAND_WALTZ = {SHAKER: "x.o.x.o.x.o.", 63: "x.......x...", 64: "....x......."}
_STEPS = 4  # of a beat
# Who plays on where there is little energy, by what he plays: time before backbeat before kick.
_TIME = (CLOSED, RIDE, SHAKER, PEDAL)
_BUSY_BPM = 132.0  # from here on sixteenths of cymbals become eighths
_FILL = (SNARE, SNARE, HIGH_TOM, HIGH_TOM, MIDDLE_TOM, LOW_TOM, LOW_TOM, SNARE)
_HIT_BEATS = 0.25


def choose_beat(rng: np.random.Generator, style: str, beats: int) -> dict[int, str]:
    """Draw a pattern: a string of sixteenths for each key of General MIDI percussion.

    Args:
        rng: Source of the choice.
        style: A key of `DRUM_PATTERNS`, or "hand".
        beats: Beats a bar.
    """
    if beats == 3:
        return dict(_HAND_WALTZ if style == "hand" else _WALTZES[int(rng.integers(len(_WALTZES)))])
    table = HAND_PATTERNS if style == "hand" else DRUM_PATTERNS[style]
    return dict(table[int(rng.integers(len(table)))])


def beat(
    pattern: Mapping[int, str],
    *,
    bars: int,
    first_bar: int,
    beats: int,
    velocity: int,
    energy: float,
    tempo_bpm: float,
    fill: bool,
    crash: bool,
) -> list[ScoreNote]:
    """Return a pattern over the bars of a section.

    Args:
        pattern: See `choose_beat`.
        bars: How many.
        first_bar: Where in the score they begin.
        beats: Beats a bar.
        velocity: Of a stroke.
        energy: 0 to 1; of little, soft strokes fall away, of very little all but the time.
        tempo_bpm: Where it is fast, cymbals play eighths.
        fill: Whether the last half bar leads to something new.
        crash: Whether the section begins with a cymbal.
    """
    notes = []
    for bar in range(bars):
        filled = fill and bar == bars - 1 and beats == 4 and energy > 0.4
        for key, steps in sorted(pattern.items()):
            for step, mark in enumerate(steps[: beats * _STEPS]):
                if mark == "." or _left_out(key, step, mark, energy, tempo_bpm):
                    continue
                if filled and step >= 2 * _STEPS and key != KICK:
                    continue
                notes.append(_stroke(first_bar + bar, step, key, VELOCITIES[mark] * velocity / 96))
        if filled:
            notes += [
                _stroke(first_bar + bar, 2 * _STEPS + place, key, velocity * (0.75 + 0.05 * place))
                for place, key in enumerate(_FILL)
            ]
    if crash and energy > 0.5:
        notes.append(_stroke(first_bar, 0, CRASH, velocity))
    return notes


def last_stroke(bar: int, velocity: int, *, hand: bool) -> list[ScoreNote]:
    """Return the stroke on the last chord."""
    keys = (63,) if hand else (KICK, CRASH)
    return [_stroke(bar, 0, key, velocity) for key in keys]


def _left_out(key: int, step: int, mark: str, energy: float, tempo_bpm: float) -> bool:
    if energy < 0.3 and key not in _TIME and not (key == KICK and step == 0):
        return True
    if energy < 0.5 and mark == "o":
        return True
    return key in _TIME and step % 2 == 1 and (tempo_bpm > _BUSY_BPM or energy < 0.45)


def _stroke(bar: int, step: int, key: int, velocity: float) -> ScoreNote:
    return ScoreNote(bar, step / _STEPS, _HIT_BEATS, key, int(np.clip(velocity, 10, 127)))
