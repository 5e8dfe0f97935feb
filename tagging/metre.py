"""How beats are counted: four or three to a bar, or each in three (6/8), where that is sure.

A linear score for each; `python -m leitmotif.train_mini.rhythm` fits its weights to rendered music.
"""

from __future__ import annotations

import numpy as np

from leitmotif.tagging.octave import USUAL_BPM, Layer, value_at

METRES = ("4/4", "3/4", "6/8")  # of others the renders have none
# At least as sure as that.
MIN_PROBABILITY = 0.9

# After how many beats the recurrence is asked for: of all onsets, and of the low ones.
LAGS = (1 / 3, 1 / 2, 2 / 3, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 9.0, 12.0)
LOW_LAGS = LAGS[:-1]

# Of `features`, in their order, then the constant; for 3/4 and 6/8, where 4/4 has 0.
# fmt: off
WEIGHTS = (
    (
        -0.985, 5.217, 0.019, -7.824, -2.142, -2.071, 5.712, -5.224, 2.654, -7.196, 3.589, 0.944, -12.92,
        -4.803, -2.403, -1.992, -5.652, 8.21, -7.645, 7.437, -8.211, 10.408, -1.291,
    ),
    (
        -1.353, 21.643, -3.204, 29.029, -0.927, 0.054, -2.127, -0.971, -1.147, -1.16, -3.588, -1.155,
        -3.235, -3.334, 21.966, 2.211, 2.166, -1.008, -2.059, 4.414, -3.288, 1.043, -2.095,
    ),
)
# fmt: on


def find_metre(bpm: float, whole: Layer, low: Layer, rate_hz: float) -> str | None:
    """Return the metre of a tempo, one of `METRES`; None where none is sure.

    Args:
        bpm: The tempo, beats a minute; of 6/8, dotted quarters.
        whole: The onsets of all bands.
        low: Those of bass and bass drum.
        rate_hz: Frames, and lags, a second.
    """
    row = np.append(features(bpm, whole, low, rate_hz), 1.0)
    scores = np.append(0.0, np.asarray(WEIGHTS) @ row)
    shares = np.exp(scores - scores.max())
    best = int(shares.argmax())
    return METRES[best] if shares[best] / shares.sum() >= MIN_PROBABILITY else None


def features(bpm: float, whole: Layer, low: Layer, rate_hz: float) -> np.ndarray:
    """Return what tells metres, shape (22,).

    The distance from the usual tempo (octaves), and the recurrence after `LAGS` beats of all onsets, after
    `LOW_LAGS` of the low ones.
    """
    lag = 60.0 / bpm * rate_hz
    again = value_at(whole.recurrence, lag * np.asarray(LAGS))
    return np.array([np.log2(bpm / USUAL_BPM), *again, *value_at(low.recurrence, lag * np.asarray(LOW_LAGS))])
