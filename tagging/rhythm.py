"""Onsets of a recording, and the tempo at which they recur, by signal processing alone.

The onset strength is compared with itself at every lag, and each candidate collects what lies one to four of
its beats away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage

from leitmotif.tagging.octave import USUAL_BPM, Layer, choose_octave, peaks_of, strengthen, value_at

MIN_BPM, MAX_BPM = 30.0, 240.0  # of a pulse; `tagging.octave` chooses the tempo among its multiples
BEATS = 4  # a bar of the most common metre
PULSES = 3  # of 400 rendered pieces the tempo of 396 is a multiple of one of three, of 388 one of the first
LOW_BANDS = 6  # below 400 Hz
PRIOR_OCTAVES = 0.8  # around the usual tempo, log-normal; in Ellis 2007, 0.9
MIN_TRACK_S = 2.0
# Below this level there is nothing to hear in 16 bits.
SILENCE_RMS = 10 ** (-70 / 20)

# In decades of power. The strongest onset of rendered music is at least 0.09 above its surroundings.
MIN_ONSET = 0.02


@dataclass(frozen=True)
class Onsets:
    """How much new sound begins at each time.

    Attributes:
        whole: Of all bands, shape (frames,), from 0.
        low: Of the lowest, in which bass and bass drum play, shape (frames,).
        change: How unlike the spectra before and after are, apart from their level, 0..1, shape (frames,).
        rate_hz: Frames a second.
    """

    whole: np.ndarray
    low: np.ndarray
    change: np.ndarray
    rate_hz: float


def find_onsets(track: np.ndarray, rate_hz: int) -> Onsets:
    """Return the rising of log band levels, the mean over bands, and how much the spectrum changes.

    Args:
        track: Mono, shape (n,).
        rate_hz: Sampling rate.

    Reference:
        Ellis, Beat tracking by dynamic programming, Journal of New Music Research 36, 2007, section 3.
    """
    size = 1 << round(np.log2(0.046 * rate_hz))
    hop = max(1, round(rate_hz / 172.0))
    levels = _band_levels(track, size, hop, rate_hz)  # (frames, bands)
    lag = max(1, round(0.012 * rate_hz / hop))
    rising = np.maximum(levels[lag:] - levels[:-lag], 0.0)
    low, change = rising[:, :LOW_BANDS].mean(axis=1), _unlikeness(10.0**levels, lag)
    return Onsets(rising.mean(axis=1), low, change, rate_hz / hop)


def _unlikeness(power: np.ndarray, lag: int) -> np.ndarray:
    """Return how unlike `lag` frames and the next ones are in shape, the squared Hellinger distance, 0..1.

    Args:
        power: Of each band, shape (frames, bands), above 0.
        lag: Frames.

    Returns:
        Shape (frames - lag,).
    """
    mean = scipy.ndimage.uniform_filter1d(power, lag, axis=0)
    shapes = np.sqrt(mean / mean.sum(axis=1, keepdims=True))
    return np.maximum(1.0 - (shapes[lag:] * shapes[:-lag]).sum(axis=1), 0.0)


def _band_levels(track: np.ndarray, size: int, hop: int, rate_hz: int) -> np.ndarray:
    """Return the log level of 40 bands spaced like the ear's, shape (frames, bands)."""
    top_hz = min(11000.0, rate_hz / 2)
    # The mel scale of O'Shaughnessy, 1987: 1127 ln(1 + f / 700).
    mel = np.linspace(1127 * np.log1p(30 / 700), 1127 * np.log1p(top_hz / 700), 42)
    edges = 700 * np.expm1(mel / 1127) * size / rate_hz  # in bins
    bins = np.arange(size // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.clip(np.minimum(rising, falling), 0.0, None).astype(np.float32)
    weights /= np.maximum(weights.sum(axis=0), 1e-9)  # (bins, bands)
    power = np.concatenate([(np.abs(block) ** 2) @ weights for block in spectra(track, size, hop)])
    # Relative to the loudest band frame, with a floor 60 dB below: hiss has no onsets.
    return np.log10(power + power.max() * 1e-6 + 1e-20)


def spectra(track: np.ndarray, size: int, hop: int, at_once: int = 2048) -> list[np.ndarray]:
    """Return the spectra of Hann-windowed frames, blocks of shape (frames, size / 2 + 1)."""
    padded = np.pad(track, (size // 2, size - size // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    return [scipy.fft.rfft(frames[i : i + at_once] * window, axis=1) for i in range(0, len(frames), at_once)]


def layers_of(onsets: Onsets) -> tuple[Layer, Layer] | None:
    """Return the onsets of all bands and of the low ones as `choose_octave` takes them; None if flat."""
    recurrence = autocorrelate(onsets.whole, onsets.rate_hz)
    if recurrence is None:
        return None
    low = autocorrelate(onsets.low, onsets.rate_hz)
    return (
        Layer(strengthen(onsets.whole, onsets.rate_hz), recurrence),
        Layer(strengthen(onsets.low, onsets.rate_hz), np.zeros_like(recurrence) if low is None else low),
    )


def tempo_of_layers(whole: Layer, low: Layer, rate_hz: float) -> float:
    """Return the tempo at which onsets recur most, in beats a minute.

    Noise and speech recur at some tempo, too: `tagging.confidence` says how sure it is.

    Args:
        whole: The onsets of all bands.
        low: Those of bass and bass drum.
        rate_hz: Frames a second.

    Reference:
        Percival and Tzanetakis, Streamlined tempo estimation based on autocorrelation and cross-correlation
        with pulses, IEEE/ACM TASLP 22, 2014: generalised autocorrelation, enhanced by its own multiples.
    """
    bpm = choose_octave(pulses_of_recurrence(whole.recurrence, rate_hz), whole, low, rate_hz)
    return float(60.0 * rate_hz / _refine(whole.recurrence, 60.0 / bpm * rate_hz))


def pulses_of_recurrence(recurrence: np.ndarray, rate_hz: float, most: int = PULSES) -> np.ndarray:
    """Return the pulses that recur most over a bar, the clearest first, in beats a minute, shape (1..most,).

    Args:
        recurrence: How alike onsets are after each lag, shape (lags,), 1 at 0.
        rate_hz: Lags a second.
        most: How many at most.
    """
    bpm = np.geomspace(MIN_BPM, MAX_BPM, 900)
    lags = 60.0 / bpm * rate_hz
    # A beat recurs after one, two, three and four beats; half or two thirds of one does not, all four times.
    evidence = np.mean([value_at(recurrence, lags * beats) for beats in range(1, BEATS + 1)], axis=0)
    score = evidence * np.exp(-0.5 * (np.log2(bpm / USUAL_BPM) / PRIOR_OCTAVES) ** 2)
    inner = score[1:-1]
    peaks = np.flatnonzero((inner >= score[:-2]) & (inner > score[2:])) + 1
    if not len(peaks):
        peaks = np.array([int(np.argmax(score))])
    return bpm[peaks[np.argsort(-score[peaks], kind="stable")][:most]]


def autocorrelate(onsets: np.ndarray, rate_hz: float) -> np.ndarray | None:
    """Return how alike onsets and onsets after each lag are, shape (lags,), 1 at 0; None if they are flat."""
    peaks = peaks_of(onsets, rate_hz)
    if peaks.max(initial=0.0) < MIN_ONSET:
        return None
    peaks = peaks - peaks.mean()
    length = scipy.fft.next_fast_len(2 * len(peaks), real=True)
    # The magnitude instead of the power of the spectrum: loud onsets count less.
    correlation = scipy.fft.irfft(np.abs(scipy.fft.rfft(peaks, length)), length)[: len(peaks)]
    overlap = 1.0 - np.arange(len(peaks)) / len(peaks)
    return correlation / correlation[0] / np.maximum(overlap, 0.2)


def _refine(recurrence: np.ndarray, lag: float) -> float:
    """Return the lag, in fractions of a frame, whose furthest clear multiple lies on a peak."""
    for beats in range(1, BEATS + 1):
        near = np.arange(int(0.97 * lag * beats), int(np.ceil(1.03 * lag * beats)) + 1)
        if near[0] < 1 or near[-1] + 1 >= len(recurrence):
            break
        top = int(near[np.argmax(recurrence[near])])
        before, here, after = recurrence[top - 1 : top + 2]
        curve = before - 2.0 * here + after
        if here <= max(before, after) or curve >= 0:
            continue
        lag = (top + 0.5 * (before - after) / curve) / beats
    return lag


def as_mono(track: np.ndarray) -> np.ndarray:
    """Return a track as float32, shape (n,).

    Raises:
        ValueError: It is not mono.
    """
    track = np.asarray(track, np.float32)
    if track.ndim != 1:
        raise ValueError(f"got a track of shape {track.shape}; expected mono, (n,)")
    return track


def is_silent(track: np.ndarray) -> bool:
    """Tell whether a track, shape (n,), holds nothing that 16 bits let one hear."""
    return bool(np.sqrt(np.mean(np.square(track, dtype=np.float64))) < SILENCE_RMS)
