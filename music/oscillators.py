"""Tools that the synthesisers share: pitches, envelopes and single cycles that are read out as tones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from leitmotif.music.score import Note

TABLE = 2048


Part = Callable[[Sequence[Note], int, int, np.random.Generator, float], np.ndarray]


def frequency_hz(pitch: float) -> float:
    """Return the frequency of a MIDI pitch, A4 = 69 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def add_at(out: np.ndarray, start: int, sound: np.ndarray) -> None:
    """Add a sound (n,) to a part (samples,) from a sample on, in place, cut where the part ends."""
    if start < len(out):
        kept = sound[: len(out) - start]
        out[start : start + len(kept)] += kept


def envelope(samples: int, rate_hz: int, attack_s: float, release_s: float) -> np.ndarray:
    """Make a gate with linear attack and release inside `samples`, float32 (samples,) of 0..1."""
    shape = np.ones(samples, np.float32)
    attack = min(samples, max(1, int(attack_s * rate_hz)))
    release = min(samples, max(1, int(release_s * rate_hz)))
    shape[:attack] *= np.linspace(0.0, 1.0, attack, dtype=np.float32)
    shape[samples - release :] *= np.linspace(1.0, 0.0, release, dtype=np.float32)
    return shape


def one_cycle(amplitudes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make one cycle from harmonics of given amplitudes and random phases.

    Args:
        amplitudes: Shape (harmonics,), from the fundamental upward.
        rng: Draws the phases.

    Returns:
        float32 (`TABLE`,), one period of shape (2048,).
    """
    spectrum = np.zeros(TABLE // 2 + 1, np.complex128)
    count = min(len(amplitudes), TABLE // 2 - 1)
    spectrum[1 : count + 1] = amplitudes[:count] * np.exp(2j * np.pi * rng.random(count))
    return np.fft.irfft(spectrum * TABLE / 2).astype(np.float32)


def read_cycle(
    table: np.ndarray, hz: float | np.ndarray, samples: int, rate_hz: int, start: float = 0.0
) -> np.ndarray:
    """Repeat a cycle at a constant or changing frequency.

    Args:
        table: One period, shape (`TABLE`,), from `one_cycle`.
        hz: Frequency; an array of shape (samples,) where it changes.
        samples: Length of the result.
        rate_hz: Sample rate.
        start: Phase of the first sample, in cycles.

    Returns:
        shape (samples,), of the table's type.
    """
    step = hz / rate_hz
    phase: np.ndarray = (
        np.cumsum(step[:samples]) if isinstance(step, np.ndarray) else np.arange(samples) * step
    )
    phase = phase + start
    return table[(phase * TABLE).astype(np.int64) & (TABLE - 1)]


def harmonics_below(hz: float, rate_hz: int, most: int = 80) -> np.ndarray:
    """Return the harmonic numbers 1, 2, … below 0.45 of the sample rate, shape (k,) with k of 1..`most`."""
    return np.arange(1, max(2, min(most, int(0.45 * rate_hz / hz)) + 1))
