"""The sound that benchmarks decode."""

from __future__ import annotations

import io

import numpy as np
import soundfile


def chord_in_noise(rng: np.random.Generator, length_s: float, rate_hz: int) -> bytes:
    """Return a stereo chord in noise as FLAC, which packs it as little as it does music."""
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in rng.uniform(100, 2000, 4))
    sound = 0.1 * chord[:, None] + 0.02 * rng.standard_normal((len(time_s), 2))
    file = io.BytesIO()
    soundfile.write(file, np.clip(sound, -1, 1), rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()
