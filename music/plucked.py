"""Synthesised strings and bars that are plucked or struck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, sosfilt

from leitmotif.music.oscillators import Part, add_at, envelope, frequency_hz, harmonics_below
from leitmotif.music.score import Note


def plucked(
    *,
    bright: tuple[float, float],
    ring_s: tuple[float, float],
    pick: tuple[float, float],
    buzz: float = 0.0,
    body: float = 0.5,
) -> Part:
    """Make a plucked string: every period is the one before, damped (Karplus-Strong, in closed form).

    Reference: Karplus and Strong, Digital Synthesis of Plucked-String and Drum Timbres, 1983.
    """

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        tilt = rng.uniform(*bright) - 0.6 * (gloss - 0.5)
        ring = rng.uniform(*ring_s)
        place = rng.uniform(*pick)
        damping = rng.uniform(0.15, 0.6)
        tail_s = rng.uniform(0.05, 0.4)
        for note in notes:
            hz = frequency_hz(note.pitch)
            count = min(samples, int((note.duration_s + tail_s) * rate_hz))
            k = harmonics_below(hz, rate_hz, 60)
            amplitudes = k ** -(tilt + 0.4 * (1 - note.velocity / 127)) * (
                0.15 + np.abs(np.sin(np.pi * k * place))
            )
            amplitudes = amplitudes * rng.uniform(0.7, 1.3, len(k))
            cycles = int(count * hz / rate_hz) + 2
            loss = np.exp(-(1.0 + damping * 0.02 * k**1.5 * (1 - buzz)) / (ring * hz) * (hz / 220.0) ** 0.6)
            spectrum = np.zeros((cycles, 65), np.complex64)
            phases = np.exp(2j * np.pi * rng.random(len(k)))
            spectrum[:, 1 : len(k) + 1] = amplitudes * phases * loss ** np.arange(cycles)[:, None]
            if buzz:
                swell = 1 + buzz * 3 * np.sin(np.arange(cycles)[:, None] * 0.02 + k * 0.15) ** 2
                spectrum[:, 1 : len(k) + 1] *= swell
            wave = np.fft.irfft(spectrum, axis=1).astype(np.float32).ravel() * 64
            position = np.arange(count) * (hz / rate_hz * 128)
            tone = np.interp(position, np.arange(len(wave)), wave).astype(np.float32)
            tone *= envelope(count, rate_hz, 0.001, tail_s) * (note.velocity / 127)
            knock = rng.standard_normal(int(0.012 * rate_hz)).astype(np.float32)
            knock *= np.linspace(1, 0, len(knock), dtype=np.float32) ** 2 * (body * 0.3 * note.velocity / 127)
            add_at(out, int(note.start_s * rate_hz), tone)
            add_at(out, int(note.start_s * rate_hz), knock)
        return out

    return play


def struck(
    ratios: tuple[tuple[float, ...], ...],
    *,
    decay_s: tuple[float, float],
    damp: float,
    noise: float = 0.1,
    tremolo: float = 0.0,
) -> Part:
    """Make a struck bar, bell or skin: partials of given frequency ratios, the higher the shorter."""

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        chosen = np.array(ratios[int(rng.integers(len(ratios)))])
        partials = chosen * rng.uniform(0.997, 1.003, len(chosen))
        levels = rng.uniform(0.3, 1.0, len(partials)) * partials ** -rng.uniform(0.2, 1.2 - 0.6 * gloss)
        decay = rng.uniform(*decay_s)
        shake_hz = rng.uniform(3.0, 7.0)
        tones: dict[int, np.ndarray] = {}
        for note in notes:
            loud = note.velocity / 127
            if note.pitch not in tones:
                hz = frequency_hz(note.pitch)
                last = decay * (262.0 / hz) ** 0.4
                count = min(samples, int(min(3.0, 4 * last) * rate_hz))
                t = np.arange(count, dtype=np.float32) / np.float32(rate_hz)
                tone = np.zeros(count, np.float32)
                for ratio, level in zip(partials, levels * loud ** (0.3 * partials**0.5), strict=True):
                    if hz * ratio < 0.45 * rate_hz:
                        fade = np.exp(t * np.float32(-(ratio**damp) / last))
                        tone += np.float32(level) * fade * np.sin(t * np.float32(2 * np.pi * hz * ratio))
                if tremolo:
                    tone *= 1 - tremolo * (0.5 + 0.5 * np.sin(t * np.float32(2 * np.pi * shake_hz)))
                tones[note.pitch] = tone * envelope(count, rate_hz, 0.001, 0.02)
            hit = rng.standard_normal(int(0.02 * rate_hz)).astype(np.float32)
            hit *= np.exp(-np.arange(len(hit)) / (0.004 * rate_hz)).astype(np.float32) * noise * loud
            add_at(out, int(note.start_s * rate_hz), tones[note.pitch] * np.float32(loud**0.7))
            add_at(out, int(note.start_s * rate_hz), hit)
        return out

    return play


def tines(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """Play an electric piano by frequency modulation, mono (samples,): body and struck tine, with tremolo.

    Reference: Chowning, The Synthesis of Complex Audio Spectra by Means of Frequency Modulation, 1973.
    """
    out = np.zeros(samples, np.float32)
    tine = float(rng.choice((1.0, 7.0, 14.0, 3.0)))
    depth = rng.uniform(0.4, 2.5) * (0.5 + gloss)
    last_s = rng.uniform(0.5, 2.0)
    for note in notes:
        hz = frequency_hz(note.pitch)
        length = min(samples, int((note.duration_s + 0.12) * rate_hz))
        t = np.arange(length, dtype=np.float32) / rate_hz
        loud = note.velocity / 127
        ratio = tine if hz * tine < 0.4 * rate_hz else 1.0
        modulator = (
            depth * loud * np.exp(-t / (0.15 if ratio > 2 else 0.6)) * np.sin(2 * np.pi * hz * ratio * t)
        )
        tone = np.sin(2 * np.pi * hz * t + modulator) * np.exp(-t / last_s) * loud
        add_at(
            out,
            int(note.start_s * rate_hz),
            (tone * envelope(length, rate_hz, 0.002, 0.1)).astype(np.float32),
        )
    shake = rng.uniform(0, 0.5) * (
        0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(3, 7) * np.arange(samples) / rate_hz)
    )
    return (out * (1 - shake)).astype(np.float32)


def amplified(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """Play an electric guitar, mono (samples,): plucked strings, a clipping amplifier, a speaker cabinet."""
    string = plucked(bright=(0.7, 1.3), ring_s=(0.8, 3.0), pick=(0.08, 0.3), body=0.1)
    clean = string(notes, samples, rate_hz, rng, gloss)
    clean /= max(1e-6, float(np.abs(clean).max()))
    drive = 10 ** rng.uniform(0.0, 0.3 + 1.7 * gloss)
    edge = np.array((rng.uniform(70, 140), min(rng.uniform(3000, 6000), 0.42 * rate_hz))) / (rate_hz / 2)
    cabinet = butter(2, edge, "band", output="sos")
    bias = rng.uniform(0, 0.3)
    return sosfilt(cabinet, np.tanh(drive * clean + bias) - np.tanh(bias)).astype(np.float32)


def piano(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """Play a piano, mono (samples,): struck strings and the same again slightly detuned."""
    strings = plucked(bright=(1.2, 1.9), ring_s=(1.0, 3.0), pick=(0.11, 0.14), body=0.25)
    part = strings(notes, samples, rate_hz, rng, gloss)
    detuned = np.interp(np.arange(samples) * 1.0004, np.arange(samples), part)
    return (part + 0.5 * detuned).astype(np.float32)
