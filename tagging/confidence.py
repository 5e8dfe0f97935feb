"""How sure it is that there is a beat, and that its tempo is right: a probability, fitted to renders.

`python -m leitmotif.train_mini.rhythm` fits it, by logistic regression, to pieces of the demo's synthesiser,
and a stretch of each: arrangements and solos on a grid, in three, four and six; single and held notes, still
and trembling; notes at times of no grid; noise and applause.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage

from leitmotif.tagging.octave import Layer, value_at
from leitmotif.tagging.rhythm import BEATS, Onsets, autocorrelate, pulses_of_recurrence

# The least recurrence that is told from none.
FLOOR = 0.003
# What a pulse may be of the tempo, and how far off.
MULTIPLES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0)
TOLERANCE = 0.03
# Where the onset of a beat may lie.
NEAR_S = 0.03
# Beats that make any tempo sure; more say nothing more.
ENOUGH_BEATS = 32

# Four beats in five may bring nothing new, as in music of long notes.
STILL = 0.8
LEAST_CHANGE = 1e-5

# Of `features`, in their order, and the constant: of 1,290 pieces.
WEIGHTS = (0.473, 7.321, 0.622, 0.187, 0.26, 0.713, 0.087)
CONSTANT = 0.774
# Of the logarithm of `change_at`, and the constant: of 475 pieces of music and 250 of held notes, which count
# a quarter of the music.
STRUCK_WEIGHT = 3.131
STRUCK_CONSTANT = 11.327


def beat_confidence(bpm: float, beats: np.ndarray, whole: Layer, onsets: Onsets) -> float:
    """Return the probability, 0..1, that the sound has a beat whose tempo is the one that was found.

    It is the lesser of two: that the tempo is right, where half, twice, a third and three times of it count
    as right, and that something new is heard at its beats. What trembles recurs, too, but only in level.

    Args:
        bpm: The tempo, beats a minute.
        beats: Frames of its beats, shape (beats,).
        whole: The onsets of all bands.
        onsets: The onsets that it was made of.
    """
    right = features(bpm, beats, whole, onsets) @ np.asarray(WEIGHTS) + CONSTANT
    struck = np.log(change_at(beats, onsets)) * STRUCK_WEIGHT + STRUCK_CONSTANT
    return float(1.0 / (1.0 + np.exp(-min(right, struck))))


def features(bpm: float, beats: np.ndarray, whole: Layer, onsets: Onsets) -> np.ndarray:
    """Return what speaks for a tempo, shape (7,).

    The recurrence of the onsets after one to four beats (log), and after more; how far the onset at a common
    beat stands out (log), and how strong it is (log): a tone that trembles recurs, but softly; the recurrence
    in the half of the track that has less of it (log); how many halves have this tempo, or a multiple, of
    themselves, 0..2; and the number of beats (log).

    Args:
        bpm: The tempo, beats a minute.
        beats: Frames of its beats, shape (beats,).
        whole: The onsets of all bands.
        onsets: The onsets that it was made of.
    """
    rate_hz = onsets.rate_hz
    lag = 60.0 / bpm * rate_hz
    again, later = _again(whole.recurrence, lag), _later(whole.recurrence, lag)
    halves = [autocorrelate(half, rate_hz) for half in np.array_split(onsets.whole, 2)]
    weaker = min(0.0 if half is None else _again(half, lag) for half in halves)
    agreeing = sum(half is not None and _agrees(half, rate_hz, bpm) for half in halves)
    near = _nearby(onsets.whole, rate_hz)
    apart, loud = (
        float(np.median(values[beats])) if len(beats) else 0.0 for values in (whole.strengths, near)
    )
    return np.array(
        [
            np.log(max(again, FLOOR)),
            later,
            np.log(apart + 0.05),
            np.log(loud + 0.003),
            np.log(max(weaker, FLOOR)),
            agreeing,
            np.log2(min(len(beats), ENOUGH_BEATS) + 1),
        ]
    )


def change_at(beats: np.ndarray, onsets: Onsets) -> float:
    """Return how much the spectrum changes at the beats, apart from its level: what a fifth of them exceed.

    Args:
        beats: Their frames, shape (beats,).
        onsets: The onsets around them.
    """
    if not len(beats):
        return LEAST_CHANGE
    return float(np.quantile(_nearby(onsets.change, onsets.rate_hz)[beats], STILL)) + LEAST_CHANGE


def _nearby(values: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the most of the values around each frame, shape (frames,)."""
    return scipy.ndimage.maximum_filter1d(values, 2 * round(NEAR_S * rate_hz) + 1)


def _again(recurrence: np.ndarray, lag: float) -> float:
    """Return how much onsets recur after one to four beats."""
    return float(value_at(recurrence, lag * np.arange(1, BEATS + 1)).mean())


def _later(recurrence: np.ndarray, lag: float) -> float:
    """Return how much onsets recur after five to sixteen beats; 0 where the track is too short to tell."""
    # Of lags that are nearly as long as the track too little is left to compare.
    more = [beats for beats in range(5, 17) if beats * lag < 0.7 * len(recurrence)]
    return float(value_at(recurrence, lag * np.asarray(more)).mean()) if more else 0.0


def _agrees(recurrence: np.ndarray, rate_hz: float, bpm: float) -> bool:
    """Tell whether onsets, taken by themselves, recur most at a multiple of a tempo."""
    ratios = pulses_of_recurrence(recurrence, rate_hz, 1)[0] / bpm / np.asarray(MULTIPLES)
    return bool(np.abs(ratios - 1.0).min() < TOLERANCE)
