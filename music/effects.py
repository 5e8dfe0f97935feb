"""What happens to sound between the instrument and the recording: rooms, equalisers, compressors, width."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.signal import butter, sosfilt


def level(sound: np.ndarray) -> float:
    """Return the root mean square of a sound, (n,) or (channels, n), over all samples of all channels."""
    return float(np.sqrt(np.mean(np.square(sound), dtype=np.float64)))


def frame_power(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the mean power of frames of 50 ms.

    Args:
        sound: Shape (channels, n).
        rate_hz: Sample rate.

    Returns:
        shape (frames,), the mean over the channels; a rest shorter than a frame is left out.
    """
    size = max(1, int(0.05 * rate_hz))
    count = max(1, sound.shape[-1] // size)
    return np.square(sound[..., : count * size]).reshape(sound.shape[0], count, -1).mean(axis=(0, 2))


def active_level(sound: np.ndarray, rate_hz: int) -> float:
    """Return the root mean square of the frames of 50 ms that are within 30 dB of the loudest.

    Args:
        sound: Shape (channels, n).
        rate_hz: Sample rate.
    """
    power = frame_power(sound, rate_hz)
    return float(np.sqrt(power[power > power.max() * 1e-3].mean())) if power.max() > 0 else 0.0


def random_curve(
    rng: np.random.Generator, hz: np.ndarray, strength: float, brightness: float = 0.5
) -> np.ndarray:
    """Draw the gains of a random equaliser: a tilt that follows brightness, and up to four broad bells.

    Args:
        rng: Source of every choice.
        hz: Frequencies, shape (n,).
        strength: Factor on all gains in decibels; 1 is usual.
        brightness: 0..1; 0.5 tilts neither way on average.

    Returns:
        float32 (n,), factors of amplitude from -24 to 12 dB.
    """
    octaves = np.log2(np.maximum(hz, 20.0) / 1000.0)
    gain_db = (rng.normal(0, 0.9) + 2.5 * (brightness - 0.5)) * strength * octaves
    for _ in range(int(rng.integers(0, 5))):
        centre, width = rng.uniform(-4, 3.5), rng.uniform(0.3, 1.5)
        gain_db = gain_db + rng.normal(0, 5) * strength * np.exp(-0.5 * ((octaves - centre) / width) ** 2)
    return (10 ** (np.clip(gain_db, -24, 12) / 20)).astype(np.float32)


def band_curve(hz: np.ndarray, low_hz: float, high_hz: float, order: int = 4) -> np.ndarray:
    """Return the gains of a band limit, Butterworth-like on both sides.

    Args:
        hz: Frequencies, shape (n,).
        low_hz: Where the lower side has lost 3 dB.
        high_hz: Where the upper side has lost 3 dB.
        order: Steepness, 6 dB an octave each.

    Returns:
        float32 (n,), factors of amplitude of 0..1.
    """
    safe = np.maximum(hz, 1.0)
    gain = 1 / np.sqrt((1 + (safe / high_hz) ** (2 * order)) * (1 + (low_hz / safe) ** (2 * order)))
    return gain.astype(np.float32)


def room(rng: np.random.Generator, rate_hz: int, rt60_s: float) -> np.ndarray:
    """Draw a synthetic room: exponentially decaying noise, its top decaying faster, after a short gap.

    Returns:
        float32 (2, n) impulse response of unit energy, without the direct sound.
    """
    count = int(min(rt60_s, 2.2) * rate_hz)
    t = np.arange(count, dtype=np.float32) / np.float32(rate_hz)
    noise = rng.standard_normal((2, count), dtype=np.float32)
    dull = sosfilt(
        butter(1, min(rng.uniform(800, 4000), 0.4 * rate_hz), fs=rate_hz, output="sos"), noise, axis=1
    )
    fast = np.exp(t * np.float32(-6.9 / (rt60_s * rng.uniform(0.25, 0.6))))
    response = (noise - dull) * fast + dull * np.exp(t * np.float32(-6.9 / rt60_s))
    gap = int(rng.uniform(0.002, 0.04) * rate_hz)
    response[:, :gap] = 0.0
    for _ in range(int(rng.integers(2, 8))):
        response[int(rng.integers(2)), int(rng.uniform(0.005, 0.06) * rate_hz) % count] += rng.uniform(1, 6)
    return (response / np.sqrt((response**2).sum() / 2)).astype(np.float32)


def shape_all(
    stems: list[np.ndarray], rng: np.random.Generator, rate_hz: int, *, brightness: float, wetness: float
) -> list[np.ndarray]:
    """Lay one equaliser, room and band limit over every stem alike (linear: the stems still sum to the mix).

    Args:
        stems: float32 (2, n) each.
        rng: Source of every choice.
        rate_hz: Sample rate.
        brightness: 0..1.
        wetness: 0..1, scales room probability and level.
    """
    samples = stems[0].shape[1]
    response = None
    if rng.random() < 0.35 + 0.5 * wetness:
        rt60_s = float(rng.choice((0.2, 0.5, 1.0, 2.0, 3.0)) * rng.uniform(0.7, 1.4))
        response = room(rng, rate_hz, rt60_s) * np.float32(rng.uniform(0.08, 0.35 + 0.5 * wetness))
    size = fft.next_fast_len(samples + (response.shape[1] if response is not None else 4096), real=True)
    hz = np.fft.rfftfreq(size, 1 / rate_hz).astype(np.float32)
    gains = random_curve(rng, hz, 1.0, brightness)
    gains = gains * band_curve(hz, rng.uniform(10, 40), 20000.0, 2)
    kind = rng.random()
    if kind < 0.1:
        gains = gains * band_curve(hz, 20.0, rng.uniform(7500, 12000), 6)
    elif kind < 0.14:
        gains = gains * band_curve(hz, rng.uniform(100, 300), rng.uniform(6000, 9000), 3)
    filters = np.broadcast_to(gains, (2, len(gains)))
    if response is not None:
        filters = gains * (1 + fft.rfft(response, size, axis=1))
    return [fft.irfft(fft.rfft(stem, size, axis=1) * filters, size, axis=1)[:, :samples] for stem in stems]


def compressor_gain(
    mix: np.ndarray, rate_hz: int, threshold_db: float, ratio: float, release_s: float
) -> np.ndarray:
    """Compute the gain curve (n,) of a compressor that follows the level of a mix (2, n) in 5 ms frames."""
    size = max(1, int(0.005 * rate_hz))
    count = mix.shape[1] // size
    power = np.square(mix[:, : count * size]).reshape(2, count, size).mean(axis=(0, 2))
    keep = np.exp(-0.005 / release_s)
    smooth = np.maximum(power, sosfilt([[1 - keep, 0, 0, 1, -keep, 0]], power))
    over = 10 * np.log10(np.maximum(smooth, 1e-10)) - threshold_db
    gain_db = -np.maximum(over, 0) * (1 - 1 / ratio)
    at = (np.arange(count) + 0.5) * size
    return (10 ** (np.interp(np.arange(mix.shape[1]), at, gain_db) / 20)).astype(np.float32)


def widen(sound: np.ndarray, width: float) -> np.ndarray:
    """Scale the side signal of a sound (2, n): 0 mono, 1 unchanged."""
    middle = (sound[0] + sound[1]) / 2
    side = (sound[0] - sound[1]) / 2 * np.float32(width)
    return np.stack([middle + side, middle - side])


def vibrato(
    sound: np.ndarray, rng: np.random.Generator, rate_hz: int, hz: float, depth_cents: float
) -> np.ndarray:
    """Read a sound through a delay that swings, so that its pitch does.

    Args:
        sound: Shape (2, n).
        rng: Draws how the depth drifts, once a second.
        rate_hz: Sample rate.
        hz: Swings a second.
        depth_cents: Most that the pitch moves, in hundredths of a semitone.

    Returns:
        shape (2, n).
    """
    samples = sound.shape[1]
    t = np.arange(samples) / rate_hz
    swing = depth_cents / 1200 * np.log(2) * rate_hz / (2 * np.pi * hz)
    turns = int(t[-1]) + 2
    drift = np.interp(t, np.arange(turns), rng.uniform(0.3, 1.0, turns))
    at = np.clip(np.arange(samples) + swing * drift * np.sin(2 * np.pi * hz * t), 0, samples - 1)
    index = np.minimum(at.astype(np.int64), samples - 2)
    part = (at - index).astype(np.float32)
    return sound[:, index] * (1 - part) + sound[:, index + 1] * part
