"""Vowels as resonances, and the filter that moves through them."""

from __future__ import annotations

import numpy as np

# Five formants in hertz of an adult male, after Peterson and Barney, 1952; the upper two rounded.
VOWELS = {
    "a": (730, 1090, 2440, 3400, 4500),
    "e": (530, 1840, 2480, 3500, 4500),
    "i": (270, 2290, 3010, 3600, 4600),
    "o": (570, 840, 2410, 3300, 4400),
    "u": (300, 870, 2240, 3200, 4300),
    "ae": (660, 1720, 2410, 3500, 4500),
    "er": (490, 1350, 1690, 3300, 4400),
}


WIDTHS_HZ = np.array((70.0, 90.0, 130.0, 200.0, 300.0))


LEVELS_DB = np.array((0.0, -5.0, -10.0, -14.0, -20.0))


HOP_S = 0.005


def slow_noise(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Make noise smoothed over `width` points, shape (count,), with a standard deviation of 1."""
    kernel = np.hanning(width + 2)
    noise = np.convolve(rng.standard_normal(count + width), kernel, "same")[:count]
    return noise / max(1e-9, noise.std())


def shape_formants(sound: np.ndarray, formants: np.ndarray, scale: float, rate_hz: int) -> np.ndarray:
    """Filter a sound by moving resonances, frame by frame with overlap.

    Args:
        sound: (n,) source.
        formants: (points, 5) centre frequencies in hertz every `HOP_S`.
        scale: Factor on the frequencies (a shorter vocal tract is larger).
        rate_hz: Sample rate.
    """
    size = 2 ** int(np.ceil(np.log2(0.03 * rate_hz)))
    hop = size // 4
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    padded = np.pad(sound.astype(np.float32), (size, size + hop))
    count = (len(padded) - size) // hop
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: count * hop : hop] * window
    centres_s = (np.arange(count) * hop + size / 2 - size) / rate_hz
    rows = np.clip((centres_s / HOP_S).astype(int), 0, len(formants) - 1)
    hz = np.fft.rfftfreq(size, 1 / rate_hz).astype(np.float32)
    response = np.full((count, len(hz)), 0.008, np.float32)
    for i in range(5):
        centre = (formants[rows, i] * scale)[:, None].astype(np.float32)
        width = np.float32(WIDTHS_HZ[i] * 1.3)
        response += np.float32(10 ** (LEVELS_DB[i] / 20)) / (1 + ((hz - centre) / width) ** 2)
    spectra = np.fft.rfft(frames, axis=1) * response
    blocks = np.fft.irfft(spectra, axis=1).astype(np.float32) * window
    out = np.zeros(len(padded) + size, np.float32)
    for lane in range(4):
        part = blocks[lane::4].ravel()
        out[lane * hop : lane * hop + len(part)] += part
    return out[size : size + len(sound)] / 1.5
