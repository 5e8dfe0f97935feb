"""Brings a mix to a loudness with its true peaks below a ceiling, block by block."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import minimum_filter1d
from scipy.signal import resample_poly, sosfilt

LOUDNESS_LUFS = -16.0
# A codec such as AAC raises peaks by up to a decibel: what is heard stays below -1 dBTP.
CEILING_DB = -2.0
OVERSAMPLING = 4  # BS.1770-4, annex 2: at 44.1 kHz true peaks are within 0.6 dB
_BLOCK_S = 20.0
_LOOK_S = 0.005  # that the limiter looks ahead, and takes to let go
_NEAR_LU = 0.2
_PASSES = 3
_FADE_TAPS = 64  # samples at the seams that oversampling looks beyond a block
_STEP_S = 0.1  # gating blocks of 0.4 s begin so often
_ABSOLUTE_LUFS, _RELATIVE_LU, _OFFSET_LUFS = -70.0, -10.0, -0.691
_IN_MEMORY = 512 << 20  # bytes of a mix; longer ones (25 minutes) lie on the disk


class LoudnessMeter:
    """Integrated loudness of a sound that comes in blocks.

    Reference:
        ITU-R BS.1770-4, annex 1; its filters at any rate as libebur128 has them.
    """

    def __init__(self, rate_hz: int) -> None:
        self._sections = _k_weighting(rate_hz)
        self._state = np.zeros((2, 2, 2))
        self._step = round(_STEP_S * rate_hz)
        self._rest = np.zeros((2, 0))
        self._powers: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """Take float (2, n)."""
        weighted, self._state = sosfilt(self._sections, block, axis=1, zi=self._state)
        joined = np.concatenate([self._rest, weighted], axis=1)
        count = joined.shape[1] // self._step
        whole, self._rest = joined[:, : count * self._step], joined[:, count * self._step :]
        self._powers.append(np.square(whole).reshape(2, count, self._step).mean(axis=2).sum(axis=0))

    @property
    def lufs(self) -> float | None:
        """The loudness until now; None of what is too short or too quiet to have one."""
        steps = np.concatenate(self._powers) if self._powers else np.zeros(0)
        if len(steps) < 4:
            return None
        powers = np.lib.stride_tricks.sliding_window_view(steps, 4).mean(axis=1)
        with np.errstate(divide="ignore"):
            levels = _OFFSET_LUFS + 10 * np.log10(powers)
        loud = powers[levels > _ABSOLUTE_LUFS]
        if not len(loud):
            return None
        gate = _OFFSET_LUFS + 10 * np.log10(loud.mean()) + _RELATIVE_LU
        kept = powers[(levels > _ABSOLUTE_LUFS) & (levels > gate)]
        return float(_OFFSET_LUFS + 10 * np.log10(kept.mean()))


def _k_weighting(rate_hz: int) -> np.ndarray:
    """Return the pre-filter and the weighting curve as second-order sections."""
    k = np.tan(np.pi * 1681.974450955533 / rate_hz)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    norm = 1 + k / q + k * k
    shelf = [
        (high + middle * k / q + k * k) / norm, 2 * (k * k - high) / norm,
        (high - middle * k / q + k * k) / norm, 1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm,
    ]  # fmt: skip
    k, q = np.tan(np.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    norm = 1 + k / q + k * k
    low_cut = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm]
    return np.array([shelf, low_cut])


def true_peaks(sound: np.ndarray) -> np.ndarray:
    """Return for each sample the highest point of the wave around it, of either channel, shape (n,).

    Args:
        sound: float (channels, n).
    """
    finer = np.abs(resample_poly(sound, OVERSAMPLING, 1, axis=1)).max(axis=0)  # (OVERSAMPLING * n,)
    return np.maximum(finer.reshape(-1, OVERSAMPLING).max(axis=1), np.abs(sound).max(axis=0))


def keep(blocks: Iterator[np.ndarray], samples: int, scratch: Path | None = None) -> np.ndarray:
    """Return a sound that comes in blocks, float32 (2, samples), in memory or, of a long one, on the disk.

    Args:
        blocks: float32 (2, n) each.
        samples: How many come.
        scratch: A folder with room for it; that of temporary files by default. Nothing stays there.

    Raises:
        OSError: The disk has no room for it.
    """
    size = samples * 2 * np.dtype(np.float32).itemsize
    if size <= _IN_MEMORY:
        kept = np.zeros((2, samples), np.float32)
    else:
        with tempfile.TemporaryFile(
            dir=scratch
        ) as file:  # which has no name, and goes with the last use of it
            os.posix_fallocate(file.fileno(), 0, size)
            kept = np.memmap(file, np.float32, "r+", shape=(2, samples))
    place = 0
    for block in blocks:
        kept[:, place : place + block.shape[1]] = block
        place += block.shape[1]
    return kept


def master(mix: np.ndarray, rate_hz: int, lufs: float = LOUDNESS_LUFS) -> np.ndarray:
    """Bring a mix to a loudness, in its place, and return it; silence stays silence.

    Args:
        mix: float32 (2, n).
        rate_hz: Sampling rate.
        lufs: Integrated loudness that is wanted.
    """
    loudness = _loudness(_blocks(mix, rate_hz), rate_hz)
    if loudness is None:
        peak = max((float(true_peaks(block).max()) for block in _blocks(mix, rate_hz)), default=0.0)
        mix *= np.float32(min(1.0, 10 ** (CEILING_DB / 20) / peak) if peak > 0 else 1.0)
        return mix
    gain_db = lufs - loudness
    for _ in range(_PASSES - 1):  # the limiter takes some of it away again
        reached = _loudness(limited(mix, rate_hz, gain_db), rate_hz)
        if reached is None or abs(lufs - reached) <= _NEAR_LU:
            break
        gain_db += lufs - reached
    place = 0
    for block in limited(mix, rate_hz, gain_db):
        mix[:, place : place + block.shape[1]] = block
        place += block.shape[1]
    return mix


def limited(
    mix: np.ndarray,
    rate_hz: int,
    gain_db: float,
    ceiling_db: float = CEILING_DB,
    peaks: Callable[[np.ndarray], np.ndarray] = true_peaks,
) -> Iterator[np.ndarray]:
    """Yield a sound with a gain, its peaks below a ceiling, in blocks that may take its place.

    The gain falls before a peak comes and is smooth throughout: nothing clicks.

    Args:
        mix: float32 (2, n).
        rate_hz: Sampling rate.
        gain_db: The gain.
        ceiling_db: Of peaks, in dB of full scale.
        peaks: Measures them, shape (channels, n) to (n,).
    """
    gain, ceiling = np.float32(10 ** (gain_db / 20)), 10 ** (ceiling_db / 20)
    look = round(_LOOK_S * rate_hz)
    margin = 2 * look + _FADE_TAPS
    window = np.hanning(2 * look + 3)[1:-1]
    window /= window.sum()
    size, total = round(_BLOCK_S * rate_hz), mix.shape[1]
    before = np.zeros((2, margin), np.float32)
    for start in range(0, total, size):
        end = min(start + size, total)
        behind = mix[:, end : end + margin] * gain
        behind = np.pad(behind, ((0, 0), (0, margin - behind.shape[1])))
        own = mix[:, start:end] * gain
        wide = np.concatenate([before, own, behind], axis=1)
        before = np.concatenate([before, own], axis=1)[:, -margin:]
        needed = np.minimum(1.0, ceiling / np.maximum(peaks(wide), 1e-9))
        if needed.min() < 1.0:
            lowest = minimum_filter1d(needed, 2 * look + 1)
            smooth = np.convolve(lowest, window, mode="same")
            own = own * smooth[margin : margin + own.shape[1]]
        yield own.astype(np.float32)


def _blocks(mix: np.ndarray, rate_hz: int) -> Iterator[np.ndarray]:
    size = round(_BLOCK_S * rate_hz)
    yield from (mix[:, start : start + size] for start in range(0, mix.shape[1], size))


def _loudness(blocks: Iterator[np.ndarray], rate_hz: int) -> float | None:
    meter = LoudnessMeter(rate_hz)
    for block in blocks:
        meter.add(block)
    return meter.lufs
