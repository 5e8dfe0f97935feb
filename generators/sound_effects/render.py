"""Makes the sound of effects: each at an even level, mixed, of exactly the length that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

from leitmotif.generators.sound_effects.choose import Wanted
from leitmotif.generators.sound_effects.signals import Rng, band, length

# Level of the loudest moments, and the highest peak, dB below full scale.
LEVEL_DB, PEAK_DB = -20.0, -1.5
# What is far away is weaker, and air takes its highs.
DISTANT_DB, DISTANT_HZ = -9.0, 1200.0
# The room around a sound: how long it goes on, and its level by the sound's own.
ROOM_S, ROOM_DB = 0.35, -17.0
# Beside the first effect the others step back.
BESIDE_DB = -3.0
FADE_IN_S, FADE_OUT_S = 0.01, 0.08
_BLOCK_S = 0.4


def render(wanted: Sequence[Wanted], seconds: float, seed: int) -> np.ndarray:
    """Return the sound of effects.

    Args:
        wanted: What is heard.
        seconds: How long.
        seed: The same seed gives the same sound; each effect draws from a stream of its own.

    Returns:
        Shape (2, samples), float32.
    """
    mixed = np.zeros((2, length(seconds)))
    for number, each in enumerate(wanted):
        rng: Rng = np.random.default_rng([seed, number])
        sound = _in_a_room(each.effect.make(rng, seconds, each.manner), rng)
        level_db = LEVEL_DB + (BESIDE_DB if number else 0.0)
        if each.manner.distant:
            sound, level_db = band(sound, None, DISTANT_HZ), level_db + DISTANT_DB
        mixed += levelled(sound, level_db)
    return _ended(_limited(mixed))


def _in_a_room(sound: np.ndarray, rng: Rng) -> np.ndarray:
    """Return a sound with what walls send back, which differs from side to side."""
    samples = sound.shape[1]
    fading = 10 ** (-3 * np.linspace(0, 1, length(ROOM_S)))
    walls = band(rng.standard_normal((2, len(fading))) * fading, 200, 5000, 1)
    walls *= 10 ** (ROOM_DB / 20) / np.sqrt(np.square(walls).sum(axis=1, keepdims=True))
    return sound + signal.fftconvolve(sound, walls, axes=1)[:, :samples]


def levelled(sound: np.ndarray, level_db: float) -> np.ndarray:
    """Return a sound whose loudest 400 ms have a level (RMS, dB below full scale); silence stays silence."""
    power = np.mean(np.square(sound - sound.mean(axis=1, keepdims=True)), axis=0)
    block = min(length(_BLOCK_S), len(power))
    sums = np.concatenate([[0.0], np.cumsum(power)])
    loudest = float(np.max(sums[block:] - sums[:-block])) / block
    if loudest <= 0:
        return sound
    return (sound - sound.mean(axis=1, keepdims=True)) * 10 ** (level_db / 20) / np.sqrt(loudest)


def _limited(sound: np.ndarray) -> np.ndarray:
    """Return a sound with its peaks bent below the highest one; below half of it nothing changes."""
    ceiling = 10 ** (PEAK_DB / 20)
    knee = ceiling / 2
    size = np.abs(sound)
    over = np.maximum(size - knee, 0.0)
    bent = knee + (ceiling - knee) * np.tanh(over / (ceiling - knee))
    return np.sign(sound) * np.where(size > knee, bent, size)


def _ended(sound: np.ndarray) -> np.ndarray:
    """Return a sound that comes and goes without a click."""
    samples = sound.shape[1]
    rise, fall = (min(length(fade), samples // 3) for fade in (FADE_IN_S, FADE_OUT_S))
    made = sound.copy()
    made[:, :rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / max(rise, 1))
    made[:, samples - fall :] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 1) / max(fall, 1))
    return made.astype(np.float32)
