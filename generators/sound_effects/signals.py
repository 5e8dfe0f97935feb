"""What sound effects are made of: noise, filters, curves, damped tones, and places in the stereo field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

RATE_HZ = 44_100
Rng = np.random.Generator
# Frames of the filter that moves: 23 ms, a quarter of that apart.
_FRAME = 1024
# Points of a curve that wanders between two of its turns, with straight lines between them.
_FINE = 32


def length(seconds: float) -> int:
    """Return samples of a time."""
    return round(seconds * RATE_HZ)


def times(samples: int) -> np.ndarray:
    """Return the time of each sample, seconds."""
    return np.arange(samples) / RATE_HZ


def white(rng: Rng, samples: int) -> np.ndarray:
    """Return noise of unit variance and equal power in every hertz."""
    return rng.standard_normal(samples)


def coloured(rng: Rng, samples: int, power: float) -> np.ndarray:
    """Return noise of unit variance whose power falls as frequency to the `power`: 1 pink, 2 brown."""
    whole = next_fast_len(max(samples, 2), real=True)
    spectrum = rfft(white(rng, whole))
    tilt = np.maximum(rfftfreq(whole, 1 / RATE_HZ), 20.0) ** (-power / 2)
    tilt[0] = 0.0
    made = irfft(spectrum * tilt, whole)[:samples]
    return made / max(float(made.std()), 1e-12)


def band(sound: np.ndarray, low_hz: float | None, high_hz: float | None, order: int = 2) -> np.ndarray:
    """Return what lies between two frequencies; None leaves a side open."""
    if low_hz and high_hz:
        sections = signal.butter(order, (low_hz, high_hz), "bandpass", fs=RATE_HZ, output="sos")
    elif low_hz:
        sections = signal.butter(order, low_hz, "highpass", fs=RATE_HZ, output="sos")
    else:
        sections = signal.butter(order, high_hz, "lowpass", fs=RATE_HZ, output="sos")
    return signal.sosfilt(sections, sound)


def moving_band(sound: np.ndarray, centre_hz: np.ndarray, octaves: float) -> np.ndarray:
    """Return sound around a frequency that moves.

    Args:
        sound: Shape (samples,).
        centre_hz: The frequency at even steps over the sound, any number of them.
        octaves: Standard deviation of the bell that is cut out, in octaves.
    """
    padded = np.pad(sound, _FRAME)
    frequencies, frames, spectra = signal.stft(padded, RATE_HZ, nperseg=_FRAME, noverlap=_FRAME * 3 // 4)
    where = (frames - _FRAME / RATE_HZ) * RATE_HZ / max(len(sound), 1)
    centres = np.interp(where, np.linspace(0, 1, len(centre_hz)), np.log2(centre_hz))
    away = np.log2(np.maximum(frequencies, 10.0))[:, None] - centres[None]
    _, made = signal.istft(
        spectra * np.exp(-0.5 * (away / octaves) ** 2), RATE_HZ, nperseg=_FRAME, noverlap=_FRAME * 3 // 4
    )
    return made[_FRAME : _FRAME + len(sound)]


def wander(rng: Rng, samples: int, every_s: float) -> np.ndarray:
    """Return a curve that wanders smoothly between 0 and 1, in another direction every so many seconds."""
    knots = max(4, int(np.ceil(samples / RATE_HZ / every_s)) + 3)
    points = rng.random(knots)
    at = np.arange((knots - 1) * _FINE + 1) / _FINE
    before = np.minimum(at.astype(int), knots - 2)
    curve = points[before] + (points[before + 1] - points[before]) * (
        0.5 - 0.5 * np.cos(np.pi * (at - before))
    )
    return np.interp(np.arange(samples) / RATE_HZ / every_s + rng.random(), at, curve)


def damped(
    frequencies_hz: Sequence[float],
    decays_s: Sequence[float],
    levels: Sequence[float],
    *,
    at_most_s: float = 60.0,
) -> np.ndarray:
    """Return tones that are struck together and die away, each to a thousandth in its time.

    Args:
        frequencies_hz: Of each tone.
        decays_s: Time in which each loses 60 dB.
        levels: Amplitude of each.
        at_most_s: What comes later is not needed.
    """
    clock = times(length(min(max(decays_s), at_most_s)))
    tones = [
        level * np.sin(2 * np.pi * frequency * clock) * 10 ** (-3 * clock / decay)
        for frequency, decay, level in zip(frequencies_hz, decays_s, levels, strict=True)
    ]
    return soft_start(np.sum(tones, axis=0))


def burst(rng: Rng, decay_s: float, low_hz: float | None, high_hz: float | None) -> np.ndarray:
    """Return a burst of noise that dies away to a thousandth in its time."""
    clock = times(length(decay_s))
    return soft_start(band(white(rng, len(clock)), low_hz, high_hz) * 10 ** (-3 * clock / decay_s))


def soft_start(sound: np.ndarray, seconds: float = 0.0007) -> np.ndarray:
    """Return a sound that begins without a step."""
    rise = min(length(seconds), len(sound))
    made = np.array(sound, dtype=float)
    made[:rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / max(rise, 1))
    return made


def scatter(rng: Rng, samples: int, per_second: float, kernels: Sequence[np.ndarray]) -> np.ndarray:
    """Return many small sounds at times that know nothing of each other (a Poisson process).

    Args:
        rng: Draws times, kinds, levels and places.
        samples: Length of what is returned.
        per_second: How many there are.
        kernels: Kinds of them, mono.

    Returns:
        Shape (2, samples).
    """
    made = np.zeros((2, samples))
    count = rng.poisson(per_second * samples / RATE_HZ)
    drawn = zip(
        rng.integers(samples, size=count).tolist(),
        rng.integers(len(kernels), size=count).tolist(),
        rng.exponential(1.0, count),
        rng.random(count),
        strict=True,
    )
    for start, kind, level, left in drawn:
        part = kernels[kind][: samples - start]
        made[0, start : start + len(part)] += level * np.sqrt(left) * part
        made[1, start : start + len(part)] += level * np.sqrt(1 - left) * part
    return made


def put(out: np.ndarray, sound: np.ndarray, start_s: float, *, level: float = 1.0, pan: float = 0.0) -> None:
    """Add a mono sound to a stereo one in place; what goes beyond its end is cut.

    Args:
        out: Shape (2, samples).
        sound: Shape (samples,).
        start_s: When it begins.
        level: Its amplitude.
        pan: -1 left, 0 middle, 1 right, of equal power everywhere.
    """
    start = length(start_s)
    part = sound[: max(0, out.shape[1] - start)]
    angle = (pan + 1) * np.pi / 4
    for channel, share in enumerate((np.cos(angle), np.sin(angle))):
        out[channel, start : start + len(part)] += level * share * np.sqrt(2) * part


def wide(middle: np.ndarray, left: np.ndarray, right: np.ndarray, *, width: float = 0.6) -> np.ndarray:
    """Return a stereo sound of what both sides share and what each has alone, of unchanged power."""
    shared = np.sqrt(1 - width**2)
    return np.stack([shared * middle + width * left, shared * middle + width * right])


def repeats(rng: Rng, seconds: float, first_s: float, every_s: float, spread: float = 0.15) -> list[float]:
    """Return when something that happens now and then does: first at a time, then again until the end."""
    found, at = [], min(first_s, seconds / 4)
    while at < seconds:
        found.append(at)
        at += every_s * (1 + spread * rng.uniform(-1, 1))
    return found
