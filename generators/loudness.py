"""Brings sounds to a loudness, and keeps their peaks below full scale."""

from __future__ import annotations

import warnings

import numpy as np
import pyloudnorm

# True peaks between samples rise above them; EBU R 128 leaves 1 dB for that.
PEAK = 10 ** (-1 / 20)


def normalize(sound: np.ndarray, rate_hz: int, lufs: float) -> np.ndarray:
    """Return a sound at an integrated loudness, or as loud as its peaks allow.

    Args:
        sound: float32 (channels, samples).
        rate_hz: Its sampling rate.
        lufs: Integrated loudness that is wanted, LUFS.

    Returns:
        The same shape, float32; silence stays silence.

    Reference:
        ITU-R BS.1770-4, by pyloudnorm.
    """
    peak = float(np.abs(sound).max(initial=0.0))
    if peak == 0.0:
        return sound.astype(np.float32)
    loudness = measure(sound, rate_hz)
    gain = PEAK / peak if loudness is None else min(10 ** ((lufs - loudness) / 20), PEAK / peak)
    return (sound * gain).astype(np.float32)


def measure(sound: np.ndarray, rate_hz: int) -> float | None:
    """Return the integrated loudness, LUFS; None of what is too short or too quiet to have one."""
    block_s = 0.4
    if sound.shape[1] <= block_s * rate_hz:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a sound that is silent but for less than a block
        loudness = float(pyloudnorm.Meter(rate_hz, block_size=block_s).integrated_loudness(sound.T))
    return loudness if np.isfinite(loudness) else None
