"""Which multiple of a pulse is the tempo: the beat that listeners count, not its half, third or double.

A linear score of each candidate that does not run across the beat; `python -m leitmotif.train_mini.octave`
fits its weights to rendered music.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage

RATIOS = (1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0)
LOWEST_BPM, HIGHEST_BPM = 40.0, 220.0
USUAL_BPM = 115.0  # `PRIOR_BPM` of `tagging.rhythm`, which imports this file

# How much more onsets may recur after one and a half of a candidate's beats than after whole ones. Every
# second eighth of a 6/8, or beat of a waltz, is 0.06 above and more; of 400 rendered pieces 0.04 changes two,
# for the better.
MAX_ACROSS = 0.04

# Of `features`, in their order.
WEIGHTS = (5.405, -9.46, 2.691, 8.271, 10.296, 1.37, 3.608)


def choose_octave(pulse_bpm: float, onsets: np.ndarray, recurrence: np.ndarray, rate_hz: float) -> float:
    """Return the multiple of a pulse that is most likely counted, in beats a minute.

    Args:
        pulse_bpm: A tempo at which the onsets recur.
        onsets: Onset strength, shape (frames,), from 0.
        recurrence: How alike onsets are after each lag, shape (lags,).
        rate_hz: Frames, and lags, a second.
    """
    bpm = candidates(pulse_bpm)
    if not len(bpm):
        return pulse_bpm
    along = bpm[[across(b, recurrence, rate_hz) <= MAX_ACROSS for b in bpm]]
    bpm = along if len(along) else bpm
    strengths = strengthen(onsets, rate_hz)
    scores = [features(b, strengths, recurrence, rate_hz) @ np.asarray(WEIGHTS) for b in bpm]
    return float(bpm[int(np.argmax(scores))])


def candidates(pulse_bpm: float) -> np.ndarray:
    """Return the multiples of a pulse that may be its tempo, shape (n,), beats a minute."""
    bpm = pulse_bpm * np.asarray(RATIOS)
    return bpm[(bpm >= LOWEST_BPM) & (bpm <= HIGHEST_BPM)]


def across(bpm: float, recurrence: np.ndarray, rate_hz: float) -> float:
    """Return how much more onsets recur between the beats of a tempo than on them: above 0, it is no beat.

    In 6/8 the beat is three eighths: a pulse of two eighths meets it after one and a half, and four and a
    half, of its own beats. So does a pulse of two beats with the bar of a waltz. Multiples of three, which
    both share, say nothing.

    Args:
        bpm: The tempo.
        recurrence: How alike onsets are after each lag, shape (lags,).
        rate_hz: Lags a second.
    """
    beats = np.array([1.5, 4.5, 1.0, 2.0, 4.0, 5.0])
    again = np.interp(60.0 / bpm * rate_hz * beats, np.arange(len(recurrence)), recurrence, right=0.0)
    return float(again[:2].mean() - again[2:].mean())


def strengthen(onsets: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return how far onsets stand out from their surroundings, shape (frames,), about 1 in the mean."""
    local = scipy.ndimage.uniform_filter1d(onsets, max(1, round(0.8 * rate_hz)))
    peaks = scipy.ndimage.gaussian_filter1d(np.maximum(onsets - local, 0.0), 0.006 * rate_hz)
    return scipy.ndimage.gaussian_filter1d(np.sqrt(peaks / max(peaks.mean(), 1e-9)), 0.015 * rate_hz)


def features(bpm: float, strengths: np.ndarray, recurrence: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return what speaks for a tempo, shape (7,).

    How far it is beyond half an octave below and above the usual tempo (octaves); the recurrence after a
    quarter of a beat, one and a half and four beats; the mean strength at its beats, in the best phase; and
    the same, as sure as the number of beats makes it.
    """
    octaves = np.log2(bpm / USUAL_BPM)
    lag = 60.0 / bpm * rate_hz
    again = np.interp(lag * np.array([0.25, 1.5, 4.0]), np.arange(len(recurrence)), recurrence, right=0.0)
    beats = max(1, int(len(strengths) / lag) - 1)
    places = (np.arange(0.0, lag)[:, None] + np.arange(beats) * lag).astype(int)  # (phases, beats)
    pulse = float(strengths[np.minimum(places, len(strengths) - 1)].mean(axis=1).max())
    return np.array(
        [min(octaves + 0.5, 0.0), max(octaves - 0.5, 0.0), *again, pulse, pulse * np.sqrt(bpm / 100.0)]
    )
