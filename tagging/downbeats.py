"""Which beats begin a bar, where that is sure: strong and low onsets, and new harmony.

A linear score of each place in the bar; `python -m leitmotif.train_mini.rhythm` fits its weights to rendered
music. Of the bars that are stated there, nine in ten begin where they are said to.
"""

from __future__ import annotations

import numpy as np

from leitmotif.tagging.octave import Layer
from leitmotif.tagging.rhythm import spectra

BEATS_A_BAR = {"4/4": 4, "3/4": 3, "6/8": 2}
# At least as sure as that.
MIN_PROBABILITY = 0.9
LOWEST_HZ, HIGHEST_HZ = 60.0, 1500.0  # between which harmony is heard

# Of `features`, in their order.
WEIGHTS: dict[str, tuple[float, ...]] = {
    "4/4": (-0.028, 1.06, 0.878, 2.137, -0.196, 0.244, 0.932, -0.74),
    "3/4": (1.077, 0.211, 1.016, 2.91, 0.0, 0.0, 0.0, 0.0),
    "6/8": (-1.651, 1.071, 4.662, -0.883, 0.0, 0.0, 0.0, 0.0),
}


def find_downbeat(
    track: np.ndarray, track_hz: int, beats: np.ndarray, whole: Layer, low: Layer, rate_hz: float, metre: str
) -> int | None:
    """Return the number of the first beat that begins a bar; None where it is not sure.

    Args:
        track: Mono, shape (n,).
        track_hz: Its sampling rate.
        beats: Frames of the beats, shape (beats,).
        whole: The onsets of all bands.
        low: Those of bass and bass drum.
        rate_hz: Frames a second.
        metre: A key of `BEATS_A_BAR`.
    """
    if len(beats) < 2 * BEATS_A_BAR[metre]:
        return None
    rows = features(track, track_hz, beats, whole, low, rate_hz, metre)
    scores = rows @ np.asarray(WEIGHTS[metre])
    shares = np.exp(scores - scores.max())
    best = int(shares.argmax())
    return best if shares[best] / shares.sum() >= MIN_PROBABILITY else None


def features(
    track: np.ndarray, track_hz: int, beats: np.ndarray, whole: Layer, low: Layer, rate_hz: float, metre: str
) -> np.ndarray:
    """Return what speaks for each place in the bar, shape (beats a bar, 8).

    The onset there, the low onset, and how much the harmony of one beat, and of two, differs from that
    before; then the same of the beat that is half a bar on, in four.
    """
    spacing = float(np.median(np.diff(beats)))
    chroma = harmony(track, track_hz, len(whole.strengths))
    by_beat = np.stack(
        [
            _near(whole.strengths, beats),
            _near(low.strengths, beats),
            _change(chroma, beats, spacing),
            _change(chroma, beats, 2 * spacing),
        ],
        axis=1,
    )
    by_beat = (by_beat - by_beat.mean(axis=0)) / (by_beat.std(axis=0) + 1e-6)
    count = BEATS_A_BAR[metre]
    here = np.stack([by_beat[place::count].mean(axis=0) for place in range(count)])
    there = np.roll(here, -2, axis=0) if count == 4 else np.zeros_like(here)
    return np.concatenate([here, there], axis=1)


def harmony(track: np.ndarray, rate_hz: int, frames: int) -> np.ndarray:
    """Return how loud each pitch class is up to each of some frames, summed, shape (frames + 1, 12)."""
    size = 1 << round(np.log2(0.37 * rate_hz))
    hz = np.arange(size // 2 + 1) * rate_hz / size
    pitch = 69 + 12 * np.log2(np.maximum(hz, 1.0) / 440.0)
    apart = np.abs((pitch[:, None] - np.arange(12) + 6) % 12 - 6)  # semitones
    heard = ((hz > LOWEST_HZ) & (hz < HIGHEST_HZ))[:, None]
    weights = np.where(heard, np.clip(1 - apart, 0, None), 0).astype(np.float32)  # (bins, 12)
    loud = np.concatenate([np.sqrt(np.abs(block)) @ weights for block in spectra(track, size, size // 4)])
    summed = np.concatenate([np.zeros((1, 12)), np.cumsum(loud, axis=0)])
    places = np.linspace(0.5, len(loud) - 0.5, frames + 1)
    return np.stack([np.interp(places, np.arange(len(summed)), line) for line in summed.T], axis=1)


def _near(strengths: np.ndarray, beats: np.ndarray) -> np.ndarray:
    return np.array([strengths[max(0, beat - 4) : beat + 5].max() for beat in beats])


def _change(summed: np.ndarray, beats: np.ndarray, span: float) -> np.ndarray:
    """Return how unlike the harmony after each beat is to that before, 0..2, shape (beats,)."""
    before, here, after = (
        summed[np.clip(np.round(beats + step).astype(int), 0, len(summed) - 1)] for step in (-span, 0.0, span)
    )
    old, new = here - before, after - here
    old, new = (part - part.mean(axis=1, keepdims=True) for part in (old, new))
    norms = np.linalg.norm(old, axis=1) * np.linalg.norm(new, axis=1)
    return 1.0 - (old * new).sum(axis=1) / (norms + 1e-6)
