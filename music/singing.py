"""Control curves of voices: pitch, level, vowels and consonants of singers and of speech-like babble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.music.formants import HOP_S, VOWELS, slow_noise
from leitmotif.music.score import Note

KINDS = ("male vocals", "female vocals", "choir", "speech")


@dataclass(frozen=True)
class Singer:
    """What makes one voice: size of the vocal tract, colour, vibrato and breath."""

    scale: float
    tilt: float
    vibrato_hz: float
    vibrato_depth: float
    breath: float
    jitter: float
    glide_s: float
    vowels: tuple[str, ...]


def draw_singer(rng: np.random.Generator, kind: str) -> Singer:
    """Draw a singer for a kind of voice."""
    female = kind == "female vocals" or (kind in ("choir", "speech") and rng.random() < 0.5)
    names = sorted(VOWELS)
    chosen = tuple(
        str(name) for name in rng.choice(names, int(rng.integers(2, len(names) + 1)), replace=False)
    )
    return Singer(
        scale=float(rng.uniform(1.08, 1.3) if female else rng.uniform(0.88, 1.08)),
        tilt=float(rng.uniform(0.6, 1.6)),
        vibrato_hz=float(rng.uniform(4.5, 6.8)),
        vibrato_depth=float(rng.choice((0.05, 0.25, 0.5)) * rng.uniform(0.6, 1.5)),
        breath=float(10 ** rng.uniform(-2.2, -0.7)),
        jitter=float(rng.uniform(0.02, 0.12)),
        glide_s=float(rng.uniform(0.02, 0.1)),
        vowels=chosen,
    )


@dataclass(frozen=True)
class Track:
    """Control curves of one line of singing, a point every `HOP_S`.

    Attributes:
        pitch: MIDI pitch, shape (points,).
        gain: Level of the voiced sound, shape (points,), about 0..1.
        formants: Centre frequencies in hertz, shape (points, 5).
        noise: Level of the consonants, shape (points,).
    """

    pitch: np.ndarray
    gain: np.ndarray
    formants: np.ndarray
    noise: np.ndarray


def track_notes(notes: Sequence[Note], singer: Singer, points: int, rng: np.random.Generator) -> Track:
    """Draw the curves of sung notes: portamento, late vibrato, syllables with consonants and closures."""
    pitch = np.full(points, np.nan)
    gain = np.zeros(points)
    noise = np.zeros(points)
    shapes = np.zeros((points, 5))
    shapes[:] = VOWELS[singer.vowels[0]]
    vibrato = np.zeros(points)
    for note in notes:
        first = int(note.start_s / HOP_S)
        last = min(points, int((note.start_s + note.duration_s) / HOP_S))
        if last - first < 6:
            continue
        span = slice(first, last)
        grown = np.linspace(0, 1, last - first)
        pitch[span] = note.pitch - 0.7 * singer.glide_s * 10 * np.exp(
            -np.arange(last - first) * HOP_S / singer.glide_s
        )
        loud = (note.velocity / 127) * np.minimum(1, np.arange(last - first) * HOP_S / 0.04)
        gain[span] = loud * np.minimum(1, (last - first - np.arange(last - first)) * HOP_S / 0.06)
        gain[span] *= 1 - 0.4 * grown * rng.random()
        start_vowel, end_vowel = (np.array(VOWELS[str(rng.choice(singer.vowels))]) for _ in range(2))
        moving = np.clip((grown - rng.uniform(0.1, 0.6)) * 4, 0, 1)[:, None]
        shapes[span] = start_vowel * (1 - moving) + end_vowel * moving
        vibrato[span] = np.clip((np.arange(last - first) * HOP_S - 0.15) / 0.25, 0, 1)
        if rng.random() < 0.6:
            length = int(rng.uniform(0.02, 0.1) / HOP_S)
            noise[max(0, first - length // 2) : first + length // 2 + 1] = (
                rng.uniform(0.05, 0.3) * note.velocity / 127
            )
            gain[max(0, first - 6) : first] = 0
    known = np.flatnonzero(~np.isnan(pitch))
    filled = np.interp(np.arange(points), known, pitch[known]) if len(known) else np.full(points, 60.0)
    filled = np.convolve(np.pad(filled, 6, "edge"), np.hanning(15)[1:-1] / np.hanning(15).sum(), "same")[6:-6]
    wobble = singer.vibrato_hz * (1 + 0.04 * slow_noise(rng, points, 60))
    filled = filled + singer.vibrato_depth * vibrato * np.sin(2 * np.pi * np.cumsum(wobble) * HOP_S)
    filled = filled + singer.jitter * slow_noise(rng, points, 10)
    kernel = np.hanning(13) / np.hanning(13).sum()
    shapes = np.stack([np.convolve(np.pad(line, 6, "edge"), kernel, "valid") for line in shapes.T], axis=1)
    return Track(filled, gain * (1 + 0.1 * slow_noise(rng, points, 8)).clip(0.3, 1.7), shapes, noise)


def track_speech(singer: Singer, points: int, rng: np.random.Generator, female: bool) -> Track:
    """Draw the curves of babble: phrases with falling pitch, three to seven syllables a second, pauses."""
    pitch = np.full(points, 57.0 if female else 45.0)
    gain, noise = np.zeros(points), np.zeros(points)
    shapes = np.tile(np.array(VOWELS["er"], float), (points, 1))
    base = rng.uniform(53, 60) if female else rng.uniform(40, 50)
    names = sorted(VOWELS)
    time_s, end_s = rng.uniform(0, 0.4), points * HOP_S
    pace = rng.uniform(0.12, 0.28)
    while time_s < end_s:
        phrase_end = time_s + rng.uniform(0.8, 3.0)
        top = base + rng.uniform(1, 6)
        begin = time_s
        while time_s < min(phrase_end, end_s):
            length_s = pace * rng.uniform(0.5, 1.7)
            first, last = int(time_s / HOP_S), min(points, int((time_s + length_s) / HOP_S))
            if last - first < 4:
                break
            ramp = np.sin(np.pi * np.linspace(0.05, 1, last - first)) ** rng.uniform(0.3, 1.0)
            gain[first:last] = ramp * rng.uniform(0.4, 1.0)
            fall = (time_s - begin) / (phrase_end - begin)
            pitch[first:last] = (
                top - 6 * fall + rng.normal(0, 1.0) + np.linspace(rng.uniform(0, 2), 0, last - first)
            )
            shapes[first:last] = VOWELS[str(rng.choice(names))]
            if rng.random() < 0.65:
                length = int(rng.uniform(0.02, 0.1) / HOP_S)
                noise[first : first + length] = rng.uniform(0.05, 0.35)
                gain[first : first + length // 2] = 0
            time_s += length_s
        time_s += rng.uniform(0.15, 1.0)
    kernel = np.hanning(15)[1:-1] / np.hanning(15).sum()
    pitch = np.convolve(np.pad(pitch, 6, "edge"), kernel, "valid")
    shapes = np.stack([np.convolve(np.pad(line, 6, "edge"), kernel, "valid") for line in shapes.T], axis=1)
    return Track(pitch + singer.jitter * slow_noise(rng, points, 6), gain, shapes, noise)
