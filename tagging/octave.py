"""Which of the pulses of a piece, or their multiples, is the tempo: the beat that listeners count.

A small network scores each candidate; `python -m leitmotif.train_mini.rhythm` fits it to rendered music.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy.ndimage

RATIOS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0, 4.0)
LOWEST_BPM, HIGHEST_BPM = 40.0, 220.0
# Where listeners tap when they may choose: Ellis, Beat tracking by dynamic programming, 2007, has 120; a
# little lower, for quiet music without drums counts here as well.
USUAL_BPM = 115.0
SAME = 0.03  # as another candidate, of its tempo

# After how many beats the recurrence is asked for: of all onsets, and of the low ones. Every second eighth of
# a 6/8 meets its beat after one and a half, and four and a half, of what it takes for beats.
# fmt: off
LAGS = (
    1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0, 4.0, 9 / 2, 5.0, 6.0, 7.0, 8.0, 9.0, 12.0,
    16.0,
)
# fmt: on
LOW_LAGS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0, 4.0, 6.0, 8.0, 9.0, 12.0)

# A line for each unit of the network: the weights of `features`, in their order, its constant, and how much
# it counts.
WEIGHTS_PATH = Path(__file__).with_name("octave.csv")


@dataclass(frozen=True)
class Layer:
    """The onsets of some bands.

    Attributes:
        strengths: How far they stand out, shape (frames,), about 1 in the mean.
        recurrence: How alike they are after each lag, shape (lags,), 1 at 0; zeros where they are flat.
    """

    strengths: np.ndarray
    recurrence: np.ndarray


def choose_octave(pulses_bpm: Iterable[float], whole: Layer, low: Layer, rate_hz: float) -> float:
    """Return the pulse, or multiple of one, that is most likely counted, in beats a minute.

    Args:
        pulses_bpm: Tempi at which the onsets recur, the clearest first.
        whole: The onsets of all bands.
        low: Those of bass and bass drum.
        rate_hz: Frames, and lags, a second.
    """
    pulses_bpm = list(pulses_bpm)
    bpm = candidates(pulses_bpm)
    if not len(bpm):
        return pulses_bpm[0]
    rows = np.stack([features(b, whole, low, rate_hz) for b in bpm])  # (candidates, 46)
    return float(bpm[int(np.argmax(scores_of(rows, read_weights())))])


def scores_of(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return how much speaks for each candidate: a layer of tanh units, and their sum.

    Args:
        rows: The features of each, shape (candidates, features).
        weights: What a file like `WEIGHTS_PATH` holds, shape (units, features + 2).

    Returns:
        Shape (candidates,).
    """
    return np.tanh(rows @ weights[:, :-2].T + weights[:, -2]) @ weights[:, -1]


@cache
def read_weights() -> np.ndarray:
    """Return the weights of the network, shape (units, features + 2)."""
    return np.loadtxt(WEIGHTS_PATH, delimiter=",", ndmin=2)


def candidates(pulses_bpm: Iterable[float]) -> np.ndarray:
    """Return the multiples of pulses that may be the tempo, shape (n,), beats a minute."""
    found: list[float] = []
    for bpm in (pulse * ratio for pulse in pulses_bpm for ratio in RATIOS):
        if LOWEST_BPM <= bpm <= HIGHEST_BPM and all(abs(bpm / other - 1) >= SAME for other in found):
            found.append(bpm)
    return np.asarray(found)


def strengthen(onsets: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return how far onsets stand out from their surroundings, shape (frames,), about 1 in the mean."""
    peaks = peaks_of(onsets, rate_hz)
    return scipy.ndimage.gaussian_filter1d(np.sqrt(peaks / max(peaks.mean(), 1e-9)), 0.015 * rate_hz)


def peaks_of(onsets: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return what of onsets is above their surroundings, from 0, shape (frames,)."""
    local = scipy.ndimage.uniform_filter1d(onsets, max(1, round(0.8 * rate_hz)))
    return scipy.ndimage.gaussian_filter1d(np.maximum(onsets - local, 0.0), 0.006 * rate_hz)


def features(bpm: float, whole: Layer, low: Layer, rate_hz: float) -> np.ndarray:
    """Return what speaks for a tempo, shape (46,).

    How far it is from the usual one (octaves), how far beyond half an octave below and above, and squared;
    the recurrence after `LAGS` beats of all onsets, and after `LOW_LAGS` of the low ones; and of each, in the
    best phase, the strength at the beats, half-way, at the thirds and at the quarters, and that at the beats
    as sure as their number makes it.
    """
    octaves = np.log2(bpm / USUAL_BPM)
    lag = 60.0 / bpm * rate_hz
    strengths = [_strength_by_phase(layer.strengths, lag) for layer in (whole, low)]
    sure = np.sqrt(bpm / 100.0)
    return np.array(
        [
            octaves,
            min(octaves + 0.5, 0.0),
            max(octaves - 0.5, 0.0),
            octaves**2,
            *value_at(whole.recurrence, lag * np.asarray(LAGS)),
            *value_at(low.recurrence, lag * np.asarray(LOW_LAGS)),
            *(value for phases in strengths for value in (*phases, phases[0] * sure)),
        ]
    )


def value_at(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return values between frames, by straight lines; 0 beyond the last."""
    return np.interp(positions, np.arange(len(values)), values, right=0.0)


def _strength_by_phase(strengths: np.ndarray, lag: float) -> np.ndarray:
    """Return the mean strength at the beats, half-way, at the thirds and at the quarters, shape (4,)."""
    beats = max(1, int(len(strengths) / lag) - 1)
    places = (np.arange(0.0, lag)[:, None] + np.arange(beats) * lag).astype(int)  # (phases, beats)
    mean = strengths[np.minimum(places, len(strengths) - 1)].mean(axis=1)
    best = int(mean.argmax())
    half, third, two_thirds, quarter, three_quarters = (
        mean[round(best + part * lag) % len(mean)] for part in (1 / 2, 1 / 3, 2 / 3, 1 / 4, 3 / 4)
    )
    return np.array([mean[best], half, (third + two_thirds) / 2, (quarter + three_quarters) / 2])
