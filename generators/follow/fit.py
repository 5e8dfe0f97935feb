"""Lays a grid of beats over a film, so that much of what is seen meets a beat, or better a downbeat.

Beat follows beat by dynamic programming over moments about a hundredth of a beat apart. A beat is at most 4 %
longer or shorter than those of the tempo, and by 1 % than the one before it, so that bars of four differ
by 4 % from each other at most. A bar may be shortened, so that the next one begins where something is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.generators.arranger.form import LEAST_RING_S, RING_S
from leitmotif.generators.follow.grid import BeatGrid
from leitmotif.generators.follow.rhythm import Event

# Of a beat: four less make it 4 % faster, and bars whose beats get shorter by one each differ by less.
UNITS = 104
GIVE = 4  # units that a beat is longer or shorter at most
_LENGTHS = np.arange(UNITS - GIVE, UNITS + GIVE + 1)
_BLOCK = int(_LENGTHS[0])  # moments that depend on none of each other
_REACH_S, _REACH_WORTH = 0.04, 0.7  # from a beat, and what a moment there is worth
_CHOSEN_BY_S = 60.0  # of a piece, by which its tempo is chosen
_STEP = 1 / 24  # of an octave, between tempi that are tried
# In moments that are met: a beat off by all it may, a change of length, a second of ring more or less.
_COST_OFF, _COST_CHANGE, _COST_RING = 0.008, 0.003, 0.02
_START = -1


@dataclass(frozen=True)
class Manner:
    """What is wished for, in shares of a moment that a downbeat meets.

    Attributes:
        name: "cuts" or "motion".
        beat: A moment that meets another beat.
        short_bar: What each shortened bar costs.
        octaves: How far a tempo may be from the one that was drawn.
        far: What an octave of that costs, of each moment.
    """

    name: str
    beat: float
    short_bar: float
    octaves: float
    far: float


CUTS = Manner("cuts", beat=0.8, short_bar=0.18, octaves=0.5, far=0.1)
# Who dances does so on every beat: a bar is never shortened, and the tempo is that of the dance.
MOTION = Manner("motion", beat=0.95, short_bar=2.0, octaves=0.5, far=0.05)


def fit_grid(
    events: Sequence[Event],
    seconds: float,
    *,
    tempo_bpm: float,
    beats: int,
    span_bpm: tuple[float, float] | None,
    manner: Manner,
) -> BeatGrid | None:
    """Return the grid that meets most of what is seen; None where there is nothing, or no room for a bar.

    Args:
        events: What is seen, in order.
        seconds: Length of the piece.
        tempo_bpm: A tempo.
        beats: Beats of a bar.
        span_bpm: Between which tempi one may be chosen instead; None where it is to be that tempo.
        manner: What is wished for.
    """
    seen = tuple(event for event in events if event.time_s <= seconds)
    if not any(event.time_s <= seconds - LEAST_RING_S for event in seen):
        return None
    if span_bpm is not None:
        tempo_bpm = _choose_tempo(seen, seconds, tempo_bpm, span_bpm, beats, manner)
    way = _Lattice(seen, seconds, 60.0 / tempo_bpm, beats, manner).best()
    if way is None:
        return None
    starts = [index for index, phase in enumerate(way.phases) if index == 0 or phase == 0]
    if len(starts) < 2:
        return None
    counts = np.diff(starts).tolist()
    starts_s = (*(float(way.times_s[index]) for index in starts), float(seconds))
    return BeatGrid(manner.name, tempo_bpm, beats, starts_s, (*counts, beats), seen)


def _choose_tempo(
    events: Sequence[Event],
    seconds: float,
    tempo_bpm: float,
    span_bpm: tuple[float, float],
    beats: int,
    manner: Manner,
) -> float:
    """Return the tempo with which most of what is seen first is met."""
    begin_s = max(events[0].time_s - LEAST_RING_S, 0.0)
    until_s = min(seconds, begin_s + _CHOSEN_BY_S)
    first = [event for event in events if event.time_s <= until_s]
    weight = sum(event.weight for event in first)

    def worth(tried_bpm: float) -> float:
        way = _Lattice(first, until_s, 60.0 / tried_bpm, beats, manner).best()
        far = manner.far * abs(float(np.log2(tried_bpm / tempo_bpm)))
        return -np.inf if way is None else way.score / weight - far

    return max(_tempi(tempo_bpm, span_bpm, manner), key=worth)


def _tempi(tempo_bpm: float, span_bpm: tuple[float, float], manner: Manner) -> Iterator[float]:
    reach = round(manner.octaves / _STEP)
    for step in range(-reach, reach + 1):
        tried = tempo_bpm * 2 ** (step * _STEP)
        if step == 0 or span_bpm[0] <= tried <= span_bpm[1]:
            yield tried


@dataclass(frozen=True)
class _Way:
    """Beats in order.

    Attributes:
        score: What is met, less what it costs.
        times_s: When each comes.
        phases: Which of its bar each is, from 0; the first bar may begin with another.
    """

    score: float
    times_s: np.ndarray
    phases: list[int]


class _Lattice:
    """The best ways over a film in beats of about one length.

    States are moments, lengths of the beat before them, and places in the bar. A way back is one number: the
    change of length (0 to 2), and three times the place in the bar of the beat before.
    """

    def __init__(
        self, events: Sequence[Event], seconds: float, beat_s: float, beats: int, manner: Manner
    ) -> None:
        self._unit_s, self._beats, self._manner = beat_s / UNITS, beats, manner
        self._seconds = seconds
        self._size = int((seconds - LEAST_RING_S) / self._unit_s) + 1
        self._gains = self._gains_of(events)
        self._off = _COST_OFF * ((_LENGTHS - UNITS) / GIVE).astype(np.float32) ** 2

    def _gains_of(self, events: Sequence[Event]) -> np.ndarray:
        """Return what a downbeat at each moment would meet."""
        gains = np.zeros(self._size, np.float32)
        reach = int(_REACH_S / self._unit_s)
        for event in events:
            middle = event.time_s / self._unit_s
            places = np.arange(max(round(middle) - reach, 0), min(round(middle) + reach + 1, self._size))
            far = ((places - middle) * self._unit_s / _REACH_S) ** 2
            gains[places] += event.weight * (1 - (1 - _REACH_WORTH) * np.minimum(far, 1.0))
        return gains

    def best(self) -> _Way | None:
        """Return the best way that ends on a downbeat, in time for the last chord; None if there is none."""
        back = np.full((self._size, len(_LENGTHS), self._beats), _START, np.int8)
        # The last moments that beats can come from; the length has room for one that is none on both sides.
        rim = int(_LENGTHS[-1])
        before = np.full((rim, len(_LENGTHS) + 2, self._beats), -np.inf, np.float32)
        first = self._size - 1 - int(self._beats * UNITS * 1.1)  # a last chord before that rings too long
        best, end = -np.inf, (0, 0)
        for begin in range(0, self._size, _BLOCK):
            count = min(_BLOCK, self._size - begin)
            scores = self._block(before, begin, count, back)
            for place in range(max(first - begin, 0), count):
                ring_s = self._seconds - (begin + place) * self._unit_s
                downbeats = scores[place, :, 0] - _COST_RING * abs(ring_s - RING_S)
                if downbeats.max() > best:
                    best, end = float(downbeats.max()), (begin + place, int(downbeats.argmax()))
            padded = np.pad(scores, ((0, 0), (1, 1), (0, 0)), constant_values=-np.inf)
            before = np.concatenate([before, padded])[-rim:]
        return None if best == -np.inf else self._way(best, back, *end)

    def _block(self, before: np.ndarray, begin: int, count: int, back: np.ndarray) -> np.ndarray:
        """Return the scores of some moments, float32 (count, lengths, beats), and note the ways back.

        Args:
            before: Scores of the moments before them.
            begin: The first of them.
            count: How many.
            back: Ways back of all moments.
        """
        manner, lengths = self._manner, len(_LENGTHS)
        places = len(before) + np.arange(count)[:, None] - _LENGTHS  # (count, lengths)
        shorter, same, longer = (before[places, np.arange(lengths) + off] for off in range(3))
        change = np.where(longer > shorter, np.int8(2), np.int8(0))
        other = np.maximum(shorter, longer) - np.float32(_COST_CHANGE)
        change = np.where(same >= other, np.int8(1), change)
        came = np.maximum(same, other)  # (count, lengths, beats)
        scores = np.roll(came, 1, axis=2)
        place_before = np.broadcast_to(np.roll(np.arange(self._beats), 1), scores.shape).copy()
        if self._beats > 2:
            short = came[:, :, 1:-1].max(axis=2) - manner.short_bar
            place_before[:, :, 0] = np.where(
                short > scores[:, :, 0], 1 + came[:, :, 1:-1].argmax(axis=2), place_before[:, :, 0]
            )
            scores[:, :, 0] = np.maximum(short, scores[:, :, 0])
        ways = np.take_along_axis(change, place_before, axis=2) + 3 * place_before
        if begin < UNITS:  # the first beat comes within a beat of the start, and two of its bar are left
            fresh = (begin + np.arange(count) < UNITS)[:, None, None] & (
                np.arange(self._beats) < self._beats - 1
            )
            ways = np.where(fresh, _START, ways)
            scores = np.where(fresh, np.float32(0.0), scores)
        gains = self._gains[begin : begin + count, None, None]
        worth = np.where(np.arange(self._beats) == 0, 1.0, manner.beat).astype(np.float32)
        back[begin : begin + count] = ways
        return scores + gains * worth - self._off[:, None]

    def _way(self, score: float, back: np.ndarray, place: int, length: int) -> _Way:
        found, phase = [(place, 0)], 0
        while (way := int(back[place, length, phase])) != _START:
            place -= int(_LENGTHS[length])
            change, phase = way % 3, way // 3
            length += change - 1
            found.append((place, phase))
        found.reverse()
        times_s = np.array([each for each, _ in found]) * self._unit_s
        return _Way(score, times_s, [phase for _, phase in found])
