"""Tempo and key of a recording, by signal processing alone.

Tempo: the onset strength is compared with itself at every lag, and each candidate collects what its beats, their
multiples and its bars find there. Key: the strongest tonal peaks, folded into twelve pitch classes on the track's own
tuning, are compared with the pitch-class profiles of the 24 keys.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.ndimage

KEY_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

# The averages of slow, medium and fast music in Visuals Music Bridge (table 7) are 93.9, 122.6 and 143.6 BPM: the
# generator drifts to the middle. Thresholds at the musicians' marks instead: below 90 is adagio to andante, 90 to
# 120 is moderato, above 120 is allegro.
MEDIUM_FROM_BPM = 90.0
FAST_FROM_BPM = 120.0

MIN_BPM, MAX_BPM = 40.0, 240.0
# Reported tempi: beyond them a listener taps at half or double speed.
SLOWEST_BPM, FASTEST_BPM = 55.0, 190.0
# Where listeners tap when they may choose: log-normal, after Ellis, Beat tracking by dynamic programming, 2007
# (120 BPM, 0.9 octaves); a little lower, for quiet music without drums counts here as well.
PRIOR_BPM, PRIOR_OCTAVES = 115.0, 0.8
MIN_TRACK_S = 2.0
# Below this level there is nothing to hear in 16 bits.
SILENCE_RMS = 10 ** (-70 / 20)

# How often each degree occurs in music of a key: Temperley, What's key for key?, 1999 (his correction of the listening
# experiment of Krumhansl and Kessler, 1982).
MAJOR_PROFILE = (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0)
MINOR_PROFILE = (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0)


def tempo_class(bpm: float) -> str:
    """Return "slow", "medium" or "fast"."""
    return "slow" if bpm < MEDIUM_FROM_BPM else "medium" if bpm < FAST_FROM_BPM else "fast"


def estimate_tempo(track: np.ndarray, rate_hz: int) -> float | None:
    """Return the tempo in beats a minute; None where there is no beat to find.

    Args:
        track: Mono, shape (n,); best at 22,050 Hz or more, 10 s to 2 minutes.
        rate_hz: Sampling rate.

    Raises:
        ValueError: The track is not mono.
    """
    track = _mono(track)
    if len(track) < MIN_TRACK_S * rate_hz or _is_silent(track):
        return None
    onsets, onset_rate_hz = onset_strength(track, rate_hz)
    return tempo_of_onsets(onsets, onset_rate_hz)


def onset_strength(track: np.ndarray, rate_hz: int) -> tuple[np.ndarray, float]:
    """Return how much new sound begins at each time: the rising of log band levels, summed over bands.

    Args:
        track: Mono, shape (n,).
        rate_hz: Sampling rate.

    Returns:
        Strength, shape (frames,), from 0; and frames a second.

    Reference:
        Ellis, Beat tracking by dynamic programming, Journal of New Music Research 36, 2007, section 3.
    """
    size = 1 << round(np.log2(0.046 * rate_hz))
    hop = max(1, round(rate_hz / 172.0))
    levels = _band_levels(track, size, hop, rate_hz)  # (frames, bands)
    lag = max(1, round(0.012 * rate_hz / hop))
    rising = np.maximum(levels[lag:] - levels[:-lag], 0.0)
    return rising.mean(axis=1), rate_hz / hop


def _band_levels(track: np.ndarray, size: int, hop: int, rate_hz: int) -> np.ndarray:
    """Return the log level of 40 bands spaced like the ear's, shape (frames, bands)."""
    top_hz = min(11000.0, rate_hz / 2)
    mel = np.linspace(1127 * np.log1p(30 / 700), 1127 * np.log1p(top_hz / 700), 42)
    edges = 700 * np.expm1(mel / 1127) * size / rate_hz  # in bins
    bins = np.arange(size // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.clip(np.minimum(rising, falling), 0.0, None).astype(np.float32)
    weights /= np.maximum(weights.sum(axis=0), 1e-9)
    power = np.concatenate([(np.abs(block) ** 2) @ weights for block in _spectra(track, size, hop)])
    # Relative to the loudest band frame, with a floor 60 dB below: hiss has no onsets.
    return np.log10(power + power.max() * 1e-6 + 1e-20)


def _spectra(track: np.ndarray, size: int, hop: int, at_once: int = 2048) -> list[np.ndarray]:
    """Return the spectra of Hann-windowed frames, blocks of shape (frames, size / 2 + 1)."""
    padded = np.pad(track, (size // 2, size - size // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    return [scipy.fft.rfft(frames[i : i + at_once] * window, axis=1) for i in range(0, len(frames), at_once)]


def tempo_of_onsets(onsets: np.ndarray, rate_hz: float) -> float | None:
    """Return the tempo of an onset strength in beats a minute; None where nothing recurs.

    Args:
        onsets: Shape (frames,), from 0.
        rate_hz: Frames a second.

    Reference:
        Percival and Tzanetakis, Streamlined tempo estimation based on autocorrelation and cross-correlation with
        pulses, IEEE/ACM TASLP 22, 2014: generalised autocorrelation, enhanced by its own multiples.
    """
    period = autocorrelation(onsets, rate_hz)
    if period is None:
        return None
    bpm = np.geomspace(MIN_BPM, MAX_BPM, 480)
    lags = 60.0 / bpm * rate_hz
    evidence = _comb(period, lags)
    prior = np.exp(-0.5 * (np.log2(bpm / PRIOR_BPM) / PRIOR_OCTAVES) ** 2)
    best = int(np.argmax(evidence * prior))
    return _refine(period, 60.0 / bpm[best] * rate_hz, rate_hz)
