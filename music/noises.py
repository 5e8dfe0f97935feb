"""Clips without music: silence, noise, wind, crackle and applause."""

from __future__ import annotations

import numpy as np

from leitmotif.music import degradations, effects


def silence_or_noise(seed: int, duration_s: float = 10.0, rate_hz: int = 44100) -> np.ndarray:
    """Render a clip without music: silence, noise of some colour, wind, crackle or applause.

    Args:
        seed: Draws kind and level.
        duration_s: Length.
        rate_hz: Sample rate.

    Returns:
        float32 (2, n).
    """
    rng = np.random.default_rng([seed, 21])
    samples = round(duration_s * rate_hz)
    kind = str(rng.choice(("silence", "coloured", "band", "wind", "clicks", "applause", "hum")))
    sound = degradations.coloured_noise(rng, samples, float(rng.uniform(-0.2, 1.2)))
    t = np.arange(samples) / rate_hz
    if kind == "band":
        low = rng.uniform(50, 3000)
        hz = np.fft.rfftfreq(samples, 1 / rate_hz)
        sound = np.fft.irfft(
            np.fft.rfft(sound) * effects.band_curve(hz, low, low * rng.uniform(1.5, 8), 2), samples
        )
    elif kind == "wind":
        slow = np.interp(
            t, np.arange(0, duration_s + 1, 0.5), rng.uniform(0.05, 1, len(np.arange(0, duration_s + 1, 0.5)))
        )
        sound = sound * slow
    elif kind in ("clicks", "applause"):
        rate = rng.uniform(1, 30) if kind == "clicks" else rng.uniform(80, 600)
        hits = (rng.random((2, samples)) < rate / rate_hz) * rng.standard_normal((2, samples))
        body = rng.standard_normal(int(rng.uniform(0.001, 0.02) * rate_hz) + 2)
        body *= np.exp(-np.arange(len(body)) / (len(body) / 4))
        sound = np.stack([np.convolve(line, body, "same") for line in hits]) + 1e-4 * sound
    elif kind == "hum":
        base = rng.choice((50.0, 60.0, 100.0, 120.0))
        wave = sum(np.sin(2 * np.pi * base * k * t) * rng.uniform(0, 1) / k for k in range(1, 12))
        sound = np.stack([wave, wave]) + 0.05 * sound
    level_db = rng.uniform(-95, -65) if kind == "silence" else rng.uniform(-45, -8)
    sound = sound / max(effects.level(sound), 1e-9) * 10 ** (level_db / 20)
    return (sound * min(1.0, 0.99 / max(float(np.abs(sound).max()), 1e-9))).astype(np.float32)
