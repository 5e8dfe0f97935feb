"""Melody accuracy: how much of the time a sound plays the same pitch class as the one that it follows."""

from __future__ import annotations

import numpy as np
import scipy.signal
import soxr

REFERENCE = "MuseControlLite, arXiv:2506.18729; Music ControlNet, arXiv:2311.07069 (melody accuracy)"
_RATE_HZ, _SIZE, _HOP = 44_100, 2048, 256
_LOWEST_HZ = 261.2  # middle C: the melody lies above
_AT_ONCE = 2048
# The filters of `librosa.feature.chroma_stft`: octaves around the fifth count, by a bell of two octaves.
_CENTRE_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0
_SILENCE = 1e-7  # of the power of a frame, where there is nothing to hear in 16 bits


def melody(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the strongest pitch class of each frame, C first; -1 where there is no sound.

    The sound is averaged to mono, resampled to 44.1 kHz and high-passed at 261.2 Hz; a frame has 2,048
    samples, and begins 256 behind the one before.

    Args:
        sound: Shape (channels, samples).
        rate_hz: Its sampling rate.

    Returns:
        int64 (frames,), -1..11.
    """
    mono = np.asarray(sound, np.float64).mean(axis=0)
    if rate_hz != _RATE_HZ:
        mono = soxr.resample(mono, rate_hz, _RATE_HZ)
    if len(mono) < _SIZE:
        mono = np.pad(mono, (0, _SIZE - len(mono)))
    high = scipy.signal.filtfilt(*scipy.signal.butter(2, _LOWEST_HZ / (_RATE_HZ / 2), "high"), mono)
    padded = np.pad(high, _SIZE // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP]
    filters, window = _filters(), scipy.signal.get_window("hann", _SIZE)
    found = []
    for start in range(0, len(frames), _AT_ONCE):
        power = np.abs(np.fft.rfft(frames[start : start + _AT_ONCE] * window)) ** 2  # (frames, bins)
        classes = (power @ filters).argmax(axis=1)
        found.append(np.where(power.sum(axis=1) > _SILENCE * _SIZE, classes, -1))
    return np.concatenate(found)


def melody_accuracy(made: np.ndarray, followed: np.ndarray) -> float:
    """Return the share of the frames in which a sound has the pitch class of the one that it follows.

    Frames in which there is nothing to follow do not count; of both, as many as the shorter one has are
    compared.

    Args:
        made: `melody` of what was made, shape (frames,).
        followed: `melody` of what was to be followed, shape (frames,).

    Returns:
        0..1; NaN where there is nothing to follow. Chance is what a sound has with one that it does not
        follow.
    """
    frames = min(len(made), len(followed))
    counts = followed[:frames] >= 0
    same = (made[:frames] == followed[:frames])[counts]
    return float(same.mean()) if len(same) else float("nan")


def _filters() -> np.ndarray:
    """Return how much each frequency counts for each pitch class, C first, shape (bins, 12)."""
    pitches_hz = np.fft.rfftfreq(_SIZE, 1 / _RATE_HZ)[1:]
    tones = 12 * np.log2(pitches_hz / (440.0 / 16))  # above the lowest A
    widths = np.maximum(np.diff(tones, append=2 * tones[-1] - tones[-2]), 1.0)
    apart = (tones[:, None] - np.arange(12) + 6) % 12 - 6  # (bins, 12), A first
    weights = np.exp(-0.5 * (2 * apart / widths[:, None]) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    weights *= np.exp(-0.5 * ((tones / 12 - _CENTRE_OCTAVE) / _OCTAVE_WIDTH) ** 2)[:, None]
    return np.vstack([np.zeros(12), np.roll(weights, -3, axis=1)])
