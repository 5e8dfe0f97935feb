"""An audio fingerprint: what stays of a recording that is re-encoded, resampled, louder, softer or trimmed.

It has one 32-bit word for every eighth of a second: of 33 bands, the signs of how the level differences
between neighbouring bands change in time.

Reference:
    Haitsma and Kalker, A highly robust audio fingerprinting system, ISMIR 2002; with log levels (an equaliser
    adds a constant, which the difference in time removes) and fewer, longer frames (as in Chromaprint).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.fft
import soxr

# Sampling rate to read at: the bands end at 2 kHz, and every codec keeps what is below.
RATE_HZ = 5512
FRAME = 4096  # 0.74 s: a copy that starts between two frames still looks the same
HOP = 689  # 0.125 s
WORDS_A_SECOND = RATE_HZ / HOP
LAG = 3  # frames between the two levels whose difference is taken
BANDS = 33  # a sign between each two neighbours makes 32 bits
LOW_HZ, HIGH_HZ = 300.0, 2000.0  # the range of Haitsma and Kalker, section 4.2
# A frame below this level says nothing; below this change (in nepers) it stands still.
SILENCE_RMS = 10 ** (-65 / 20)
MIN_CHANGE = 0.02


def fingerprint(blocks: np.ndarray | Iterable[np.ndarray], rate_hz: int) -> bytes:
    """Return the fingerprint of a recording.

    Args:
        blocks: Mono samples, shape (n,), or blocks of them in order; a long recording is never held whole.
        rate_hz: Sampling rate; `RATE_HZ` saves a resampling.

    Returns:
        Little-endian 32-bit words, eight a second; 0 where there is silence or nothing changes. Empty for
        less than a second and a half.

    Raises:
        ValueError: A block is not mono.
    """
    stream = [blocks] if isinstance(blocks, np.ndarray) else blocks
    words, levels, held = [], np.zeros((0, BANDS), np.float32), np.zeros(0, np.float32)
    for block in _resampled(stream, rate_hz):
        held = np.concatenate([held, block])
        count = (len(held) - FRAME) // HOP + 1 if len(held) >= FRAME else 0
        if count:
            levels = np.concatenate([levels, _levels(held, count)])
            words.append(_words(levels))
            levels, held = levels[-LAG:], held[count * HOP :]
    return np.concatenate([np.zeros(0, "<u4"), *words]).astype("<u4").tobytes()


def _resampled(blocks: Iterable[np.ndarray], rate_hz: int) -> Iterable[np.ndarray]:
    resampler = soxr.ResampleStream(rate_hz, RATE_HZ, 1) if rate_hz != RATE_HZ else None
    for block in blocks:
        block = np.asarray(block, np.float32)
        if block.ndim != 1:
            raise ValueError(f"got a block of shape {block.shape}; expected mono samples, (n,)")
        yield resampler.resample_chunk(block) if resampler else block
    if resampler:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _levels(samples: np.ndarray, count: int) -> np.ndarray:
    """Return the log level of each band in each frame, shape (count, bands); NaN in a silent frame."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:count]
    power = np.abs(scipy.fft.rfft(frames * np.hanning(FRAME).astype(np.float32), axis=1)) ** 2
    edges = np.round(np.geomspace(LOW_HZ, HIGH_HZ, BANDS + 1) * FRAME / RATE_HZ).astype(int)
    sums = np.add.reduceat(power, edges, axis=1)[:, :BANDS]
    # A floor 60 dB below the frame's loudest band: what lies under it does not survive a codec.
    levels = np.log(sums + 1e-6 * sums.max(axis=1, keepdims=True) + 1e-20).astype(np.float32)
    levels[np.sqrt(np.mean(np.square(frames), axis=1)) < SILENCE_RMS] = np.nan
    return levels


def _words(levels: np.ndarray) -> np.ndarray:
    """Return the word of each frame after the first `LAG`, shape (frames - LAG,), uint32."""
    change = levels[LAG:] - levels[:-LAG]  # (frames, bands)
    slope = change[:, :-1] - change[:, 1:]  # (frames, 32)
    words = ((slope > 0).astype(np.uint32) << np.arange(BANDS - 1, dtype=np.uint32)).sum(
        axis=1, dtype=np.uint32
    )
    still = ~(np.abs(slope).mean(axis=1) >= MIN_CHANGE)  # NaN stands still as well
    words[still] = 0
    return words
