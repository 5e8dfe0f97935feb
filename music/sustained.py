"""Synthesised tones that last: bowed and blown instruments, organs and filtered saws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, sosfilt

from leitmotif.music.oscillators import (
    Part,
    add_at,
    envelope,
    frequency_hz,
    harmonics_below,
    one_cycle,
    read_cycle,
)
from leitmotif.music.score import Note


def blown(
    *,
    tilt: tuple[float, float],
    even: float = 1.0,
    formants: tuple[tuple[float, float], ...] = (),
    attack_s: tuple[float, float] = (0.02, 0.08),
    breath: float = 0.02,
    players: tuple[int, int] = (1, 1),
    swell: float = 0.5,
) -> Part:
    """Make a sustained tone (bowed, blown, reed): harmonics under a tilt and formants, brighter when louder.

    `even` scales the even harmonics; `players` is how many detuned players share a note.
    """

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        slope = rng.uniform(*tilt) - 0.5 * (gloss - 0.5)
        rise_s = rng.uniform(*attack_s)
        moved = rng.uniform(0.85, 1.18)
        air = breath * rng.uniform(0.3, 2.0)
        count_players = int(rng.integers(players[0], players[1] + 1))
        detune = rng.normal(0.0, 0.06 if count_players > 1 else 0.015, count_players)
        colour = butter(2, [min(0.8, 900 / rate_hz * 2), min(0.9, 6000 / rate_hz * 2)], "band", output="sos")
        tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for note in notes:
            hz = frequency_hz(note.pitch)
            if note.pitch not in tables:
                k = harmonics_below(hz, rate_hz)
                levels = k**-slope * np.where(k % 2 == 0, even, 1.0)
                for centre, gain in formants:
                    levels = levels * (
                        1 + gain * np.exp(-0.5 * (np.log2(k * hz / (centre * moved)) / 0.35) ** 2)
                    )
                levels = levels / np.sqrt((levels**2).sum())
                tables[note.pitch] = (one_cycle(levels, rng), one_cycle(levels * k**-0.8, rng))
            bright, dull = tables[note.pitch]
            length = min(samples, int((note.duration_s + 0.06) * rate_hz))
            t = np.arange(length) / rate_hz
            gate = envelope(length, rate_hz, rise_s, 0.06)
            shape = gate * (1 - swell * 0.5 + swell * 0.5 * np.sin(np.pi * np.linspace(0, 1, length)) ** 0.7)
            mix = np.clip(shape * note.velocity / 110, 0, 1)
            tone = np.zeros(length, np.float32)
            for cents in detune:
                start = rng.random()
                pitch = hz * 2 ** (cents / 12)
                tone += read_cycle(bright, pitch, length, rate_hz, start) * mix
                tone += read_cycle(dull, pitch, length, rate_hz, start) * (1 - mix)
            hiss = sosfilt(colour, rng.standard_normal(length)) * air * (1 + 3 * np.exp(-t / 0.05))
            part = (tone / np.sqrt(count_players) + hiss) * shape * (note.velocity / 127)
            add_at(out, int(note.start_s * rate_hz), part.astype(np.float32))
        return out

    return play


def organ(
    notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
) -> np.ndarray:
    """Play an organ, mono (samples,): drawbars at random, key click, a rotating speaker at random speed."""
    drawbars = np.array((1, 3, 2, 4, 6, 8, 10, 12, 16))
    levels = np.zeros(16)
    levels[drawbars - 1] = rng.integers(0, 9, 9) / 8.0 * np.linspace(1.0, 0.3 + 0.7 * gloss, 9)
    levels[0 if rng.random() < 0.5 else 1] = 1.0
    table = one_cycle(levels / np.sqrt((levels**2).sum()), rng)
    out = np.zeros(samples, np.float32)
    click = rng.uniform(0.0, 0.3)
    for note in notes:
        length = min(samples, int((note.duration_s + 0.02) * rate_hz))
        tone = read_cycle(table, frequency_hz(note.pitch) / 2, length, rate_hz, rng.random())
        tone = tone * envelope(length, rate_hz, 0.004, 0.02)
        tone[: int(0.004 * rate_hz)] += click * rng.standard_normal(len(tone[: int(0.004 * rate_hz)]))
        add_at(out, int(note.start_s * rate_hz), tone)
    speed_hz = rng.choice((0.0, 0.9, 6.2)) * rng.uniform(0.9, 1.1)
    t = np.arange(samples) / rate_hz
    spin = np.sin(2 * np.pi * speed_hz * t)
    out = np.interp(np.arange(samples) - 0.0006 * rate_hz * (1 + spin), np.arange(samples), out)
    return (out * (1 + 0.25 * spin)).astype(np.float32)


def subtractive(
    *, attack_s: tuple[float, float], release_s: tuple[float, float], voices: tuple[int, int], low: float
) -> Part:
    """Make saws, pulses or simple cycles in unison through a low-pass whose cut-off follows an envelope."""

    def play(
        notes: Sequence[Note], samples: int, rate_hz: int, rng: np.random.Generator, gloss: float
    ) -> np.ndarray:
        out = np.zeros(samples, np.float32)
        kind = int(rng.integers(4))
        rise_s, fall_s = rng.uniform(*attack_s), rng.uniform(*release_s)
        unison = int(rng.integers(voices[0], voices[1] + 1))
        cents = rng.uniform(-1, 1, unison) * rng.uniform(0.03, 0.25)
        open_hz = 2 ** rng.uniform(10.0 + gloss, 14.0)
        sweep_s = rng.uniform(0.05, 0.8)
        floor = low * rng.uniform(0.5, 1.5)
        peak = rng.uniform(0, 4)
        width = rng.uniform(0.1, 0.5)
        tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for note in notes:
            hz = frequency_hz(note.pitch)
            if note.pitch not in tables:
                k = harmonics_below(hz, rate_hz, 300)
                levels = (1 / k, np.abs(np.sin(np.pi * k * width)) / k, (k % 2) / k, (k % 2) / k**2.0)[
                    kind
                ] + 0.0
                pair = []
                for edge in (open_hz, max(hz, open_hz * floor)):
                    shaped = levels / np.sqrt(1 + (k * hz / edge) ** 4)
                    shaped = shaped * (1 + peak * np.exp(-0.5 * (np.log2(k * hz / edge) / 0.2) ** 2))
                    pair.append(one_cycle(shaped, rng) * 0.7)
                tables[note.pitch] = (pair[0], pair[1])
            bright, dull = tables[note.pitch]
            length = min(samples, int((note.duration_s + fall_s) * rate_hz))
            t = np.arange(length, dtype=np.float32) / rate_hz
            sweep = np.exp(-t / sweep_s) if rise_s < 0.15 else np.clip(t / (rise_s * 2), 0, 1)
            tone = np.zeros(length, np.float32)
            for detune in cents:
                start = rng.random()
                pitch = hz * 2 ** (detune / 12)
                tone += read_cycle(bright, pitch, length, rate_hz, start) * sweep
                tone += read_cycle(dull, pitch, length, rate_hz, start) * (1 - sweep)
            gate = envelope(length, rate_hz, rise_s, fall_s) * (note.velocity / 127 / np.sqrt(unison))
            add_at(out, int(note.start_s * rate_hz), (tone * gate).astype(np.float32))
        return out

    return play
