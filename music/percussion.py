"""Synthesised drums: an electronic kit, an acoustic kit from noise and resonances, and hand drums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, sosfilt

from leitmotif.music import drumming as keys
from leitmotif.music.oscillators import add_at
from leitmotif.music.score import Note

HATS = {keys.CLOSED: 0.05, keys.PEDAL: 0.06, keys.OPEN: 0.35, keys.RIDE: 0.7, keys.CRASH: 1.3}
TOMS = {keys.LOW_TOM: 90.0, keys.MIDDLE_TOM: 130.0, keys.HIGH_TOM: 180.0}
SKINS = {
    keys.BONGO_HIGH: 420.0,
    keys.BONGO_LOW: 300.0,
    keys.CONGA_MUTE: 260.0,
    keys.CONGA_OPEN: 220.0,
    keys.CONGA_LOW: 165.0,
    keys.TIMBALE_HIGH: 520.0,
    keys.TIMBALE_LOW: 380.0,
}
RATTLES = {keys.SHAKER: 0.05, keys.CABASA: 0.04, keys.MARACAS: 0.03, keys.TAMBOURINE: 0.15}
CLICKS = {keys.CLAVES: 2400.0, keys.CASTANETS: 1800.0, keys.COWBELL: 560.0, keys.RIM: 1700.0}


def sweep_tone(
    rng: np.random.Generator, rate_hz: int, hz: float, drop: float, drop_s: float, last_s: float
) -> np.ndarray:
    """Make a sine whose pitch falls to `hz` while it decays.

    Args:
        rng: Not drawn from; every stroke of the kit is called alike.
        rate_hz: Sample rate.
        hz: Frequency at the end; it begins at (1 + `drop`) times that.
        drop: How far the pitch falls, as a share of `hz`.
        drop_s: Time in which the fall is down to 1/e.
        last_s: Time in which the level is down to 1/e.

    Returns:
        float32 (n,), mono, four times `last_s` long.
    """
    t = np.arange(int(4 * last_s * rate_hz), dtype=np.float32) / np.float32(rate_hz)
    phase = hz * (t + drop * drop_s * (1 - np.exp(-t / drop_s)))
    return (np.sin(2 * np.pi * phase) * np.exp(-t / last_s)).astype(np.float32)


def burst(rng: np.random.Generator, rate_hz: int, low_hz: float, high_hz: float, last_s: float) -> np.ndarray:
    """Make decaying noise between two frequencies: float32 (n,), mono, five times `last_s` long."""
    count = int(5 * last_s * rate_hz)
    top = min(high_hz, 0.47 * rate_hz)
    band = butter(1, [min(low_hz, 0.7 * top), top], "band", fs=rate_hz, output="sos")
    noise = sosfilt(band, rng.standard_normal(count))
    return (noise * np.exp(-np.arange(count) / (last_s * rate_hz))).astype(np.float32)


def padded_sum(*sounds: np.ndarray) -> np.ndarray:
    """Sum mono sounds (n,) of different lengths from their starts: float32, as long as the longest."""
    out = np.zeros(max(len(sound) for sound in sounds), np.float32)
    for sound in sounds:
        out[: len(sound)] += sound
    return out


def metal(rng: np.random.Generator, rate_hz: int, last_s: float, electronic: bool) -> np.ndarray:
    """Make a cymbal: noise, or for electronic kits six squares, above a few kilohertz; float32 (n,), mono."""
    count = int(4 * last_s * rate_hz)
    t = np.arange(count) / rate_hz
    source = rng.standard_normal(count)
    if electronic:
        base = rng.uniform(300, 500)
        ratios = np.array((1, 1.342, 1.2312, 1.6532, 1.9523, 2.1523))
        source = np.sign(np.sin(2 * np.pi * base * ratios[:, None] * t)).sum(0) * 0.5 + 0.2 * source
    edge = butter(2, min(rng.uniform(4000, 8000), 0.4 * rate_hz), "high", fs=rate_hz, output="sos")
    return (sosfilt(edge, source) * np.exp(-t / last_s) * 0.5).astype(np.float32)


def stroke(key: int, rng: np.random.Generator, rate_hz: int, electronic: bool, size: float) -> np.ndarray:
    """Make one stroke of a percussion key; `size` scales pitch.

    Returns:
        float32 (n,), mono, as long as the stroke rings.
    """
    r = rng
    if key in HATS:
        return metal(r, rate_hz, HATS[key] * r.uniform(0.6, 1.6), electronic)
    others = SKINS.keys() | RATTLES.keys() | CLICKS.keys() | {35, 36, keys.SNARE, 40, keys.CLAP}
    if key not in others:
        hz = TOMS.get(key, 120.0) * size
        return padded_sum(
            sweep_tone(r, rate_hz, hz, r.uniform(0.3, 1.2), 0.05, r.uniform(0.08, 0.3)),
            burst(r, rate_hz, 200, 4000, 0.01) * 0.3,
        )
    if key in (35, 36):
        hz = r.uniform(38, 65) * size
        last_s = r.uniform(0.1, 0.6) if electronic else r.uniform(0.05, 0.14)
        tone = sweep_tone(r, rate_hz, hz, r.uniform(1.5, 6), r.uniform(0.015, 0.06), last_s)
        click = burst(r, rate_hz, 800, 6000, 0.004) * r.uniform(0.1, 0.7)
        return padded_sum(np.tanh(tone * r.uniform(1, 4)), click) * 1.3
    if key == keys.CLAP:
        one = burst(r, rate_hz, 700, 4000, 0.008)
        out = np.zeros(int(0.5 * rate_hz), np.float32)
        for i in range(3):
            add_at(out, int(i * r.uniform(0.008, 0.014) * rate_hz), one)
        add_at(out, int(0.03 * rate_hz), burst(r, rate_hz, 700, 5000, r.uniform(0.04, 0.1)))
        return out
    if key in (keys.SNARE, 40):
        hz = r.uniform(150, 260) * size
        rattle = burst(r, rate_hz, r.uniform(600, 2000), r.uniform(7000, 14000), r.uniform(0.04, 0.15))
        tone = sweep_tone(r, rate_hz, hz, 0.4, 0.02, r.uniform(0.03, 0.12))
        second = sweep_tone(r, rate_hz, hz * 1.7, 0.2, 0.02, 0.04)
        return padded_sum(tone * 0.8, second * 0.4, rattle * r.uniform(0.5, 1.2))
    if key in SKINS:
        hz = SKINS[key] * size
        last_s = r.uniform(0.04, 0.16) * (0.5 if key == keys.CONGA_MUTE else 1.0)
        modes = [sweep_tone(r, rate_hz, hz * q, 0.08, 0.02, last_s / q) / q for q in (1, 1.59, 2.14, 2.9)]
        return padded_sum(*modes, burst(r, rate_hz, 1000, 6000, 0.006) * r.uniform(0.1, 0.6))
    if key in RATTLES:
        return burst(
            r, rate_hz, r.uniform(2500, 5500), r.uniform(9000, 15000), RATTLES[key] * r.uniform(0.6, 1.5)
        )
    hz = CLICKS[key] * size
    return padded_sum(
        sweep_tone(r, rate_hz, hz, 0, 0.02, r.uniform(0.015, 0.05)),
        sweep_tone(r, rate_hz, hz * 1.504, 0, 0.02, r.uniform(0.01, 0.04)) * 0.6,
        burst(r, rate_hz, 1500, 8000, 0.004) * 0.3,
    )


def play_percussion(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, *, electronic: bool
) -> np.ndarray:
    """Play a percussion part with synthesised strokes, drawn for every piece.

    Args:
        notes: General MIDI percussion keys.
        samples: Length of the result.
        rate_hz: Sample rate.
        rng: Source of every choice.
        electronic: An electronic kit rather than skins.

    Returns:
        float32 (2, samples), the voices of the kit spread between left and right.
    """
    out = np.zeros((2, samples), np.float32)
    size = rng.uniform(0.75, 1.3)
    for key in sorted({note.pitch for note in notes}):
        sound = stroke(key, rng, rate_hz, electronic, size)
        sound *= 0.7 if key in HATS or key in RATTLES else 1.0
        line = np.zeros(samples, np.float32)
        for note in notes:
            if note.pitch == key:
                add_at(line, int(note.start_s * rate_hz), sound * np.float32((note.velocity / 127) ** 1.5))
        place = 0.5 if key in (35, 36, keys.SNARE) else rng.uniform(0.2, 0.8)
        out[0] += line * np.float32(np.cos(place * np.pi / 2))
        out[1] += line * np.float32(np.sin(place * np.pi / 2))
    return out
