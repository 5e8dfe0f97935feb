"""Where the beats of a tempo lie: one path along the onsets."""

from __future__ import annotations

import numpy as np

from leitmotif.tagging.octave import Layer

# Octaves by which one beat may be shorter or longer than the tempo says.
MAX_CHANGE = 0.25
# What a beat costs that is an octave off, in strengths of a mean onset; it grows with the square. Between 20
# and 300 the beats found in rendered music stay the same.
TIGHTNESS = 80.0
# How much more a low onset counts: of 320 rendered pieces the beats of ten more are found by it.
LOW_SHARE = 0.5


def beat_strengths(whole: Layer, low: Layer) -> np.ndarray:
    """Return the strengths along which beats are tracked, shape (frames,)."""
    return whole.strengths + LOW_SHARE * low.strengths


def track_beats(strengths: np.ndarray, rate_hz: float, bpm: float) -> np.ndarray:
    """Return the frames of the beats, shape (beats,), ascending: strong onsets about a beat apart.

    Args:
        strengths: How far onsets stand out, shape (frames,), about 1 in the mean.
        rate_hz: Frames a second.
        bpm: The tempo, beats a minute.

    Reference:
        Ellis, Beat tracking by dynamic programming, Journal of New Music Research 36, 2007, equation 3.
    """
    lag = 60.0 / bpm * rate_hz
    shortest, longest = max(1, round(lag * 2**-MAX_CHANGE)), round(lag * 2**MAX_CHANGE)
    steps = np.arange(shortest, longest + 1)  # frames back to the beat before
    cost = TIGHTNESS * np.log2(steps / lag) ** 2
    total = np.concatenate([np.zeros(longest), np.asarray(strengths, np.float64)])  # the best sum up to here
    before = np.zeros(len(total), int)  # 0 at a first beat
    # A block of frames at a time: none is longer than the shortest beat, so all of it follow earlier blocks.
    for start in range(longest, len(total), shortest):
        frames = np.arange(start, min(start + shortest, len(total)))
        sums = total[frames[:, None] - steps] - cost  # (frames, steps)
        best = sums.argmax(axis=1)
        gain = np.maximum(sums[np.arange(len(frames)), best], 0.0)
        before[frames] = np.where(gain > 0.0, frames - steps[best], 0)
        total[frames] += gain
    place = int(np.argmax(total[-longest:])) + len(total) - longest
    path = []
    while place >= longest:
        path.append(place - longest)
        place = int(before[place])
    return np.asarray(path[::-1], int)
