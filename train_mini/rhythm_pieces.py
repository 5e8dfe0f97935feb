"""Pieces whose beat is known, and sounds that have none, for `train_mini.rhythm` to fit to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leitmotif.music.arrangement import render_part
from leitmotif.music.drumming import CLOSED, KICK, RIDE, RIM, SNARE, VELOCITIES
from leitmotif.music.effects import shape_all, vibrato
from leitmotif.music.noises import silence_or_noise
from leitmotif.music.note_patterns import arpeggio, scale_pitches, voicing
from leitmotif.music.render import render_music
from leitmotif.music.score import Grid, Note, draw_grid, excerpt, humanise
from leitmotif.music.song_plan import draw_plan, lay_grid
from leitmotif.music.sounds import INSTRUMENTS, SOUNDS

DURATION_S, RATE_HZ = 15.0, 22_050
SAMPLES = round(DURATION_S * RATE_HZ)
WALTZING = ("classical", "folk")  # the genres that are in three most often


@dataclass(frozen=True)
class Piece:
    """A track with what is known of its beat.

    Attributes:
        track: Mono, shape (n,).
        tempo_bpm: Of the beats, in 6/8 of dotted quarters; None where there is none.
        metre: "4/4", "3/4" or "6/8"; None without a tempo.
        offset_s: How far into a bar the track begins.
    """

    track: np.ndarray
    tempo_bpm: float | None = None
    metre: str | None = None
    offset_s: float = 0.0


def arranged(seed: int, *, solo: bool = False, genre: str | None = None) -> Piece:
    """Render music of the demo, an arrangement or a solo; single notes and speech have no tempo."""
    rng = np.random.default_rng([seed, 20])  # as `render_music` draws, which does not tell its metre
    plan = draw_plan(rng, genre, None, solo, None, None, None)
    grid = lay_grid(rng, plan, DURATION_S)
    offset_s = float(rng.uniform(0, grid.beats)) * grid.beat_s if rng.random() < 0.6 else 0.0
    music = render_music(seed, duration_s=DURATION_S, rate_hz=RATE_HZ, solo=solo, genre=genre)
    if music.truth.tempo_bpm is None:
        return Piece(music.mix.mean(axis=0))
    return Piece(music.mix.mean(axis=0), music.truth.tempo_bpm, f"{grid.beats}/4", offset_s)


def waltz(seed: int) -> Piece:
    """Render an arrangement in three: the first that the demo draws from ten times the seed on."""
    for drawn in range(10 * seed, 10 * seed + 200):
        genre = WALTZING[drawn % 2]
        rng = np.random.default_rng([drawn, 20])
        if lay_grid(rng, draw_plan(rng, genre, None, False, None, None, None), DURATION_S).beats == 3:
            return arranged(drawn, genre=genre)
    raise LookupError(f"no waltz from seed {10 * seed} on")


# One bar of six eighths, as in `leitmotif.music.drumming`.
DRUMS = (
    {KICK: "x.....", SNARE: "...X..", CLOSED: "xxxxxx"},
    {KICK: "x.x..x", SNARE: "...x..", RIDE: "x.xx.x"},
    {KICK: "x..x..", RIM: "..x..x", CLOSED: "xoxxox"},
)
BASS = ((0, 3), (0,), (0, 2, 3, 5), (0, 3, 5))  # where notes start, in eighths
STRUMS = ((0, 1, 2, 3, 4, 5), (0, 2, 3, 5))
TUNES = ((1,) * 6, (2, 1, 2, 1), (3, 3), (1, 1, 1, 3), (3, 2, 1), (1.5, 0.5, 1, 3), (6,), (2, 1, 3))


def compound(seed: int) -> Piece:
    """Render a piece in 6/8, 50 to 115 dotted quarters a minute, on the demo's instruments."""
    rng = np.random.default_rng([seed, 68])
    bpm = float(np.round(rng.uniform(50, 115), 1))
    minor = bool(rng.random() < 0.5)
    grid = draw_grid(rng, tempo_bpm=3 * bpm, duration_s=DURATION_S, minor=minor, beats=6)  # eighths
    offset_s = float(rng.uniform(0, 6)) * grid.beat_s if rng.random() < 0.6 else 0.0
    mix = np.zeros((2, SAMPLES), np.float32)

    def add(choice: tuple[str, ...], notes: list[Note], level_db: float) -> None:
        played = humanise(excerpt(notes, offset_s, DURATION_S), rng, 0.004, 5.0)
        gain = 10 ** (rng.normal(level_db, 2.5) / 20)
        mix[:] += gain * _part(str(rng.choice(choice)), played, rng)

    if rng.random() < 0.55:
        add(("drums",), _drums(grid, DRUMS[int(rng.integers(len(DRUMS)))]), -1.0)
    if rng.random() < 0.8:
        add(("bass guitar", "bass guitar", "cello"), _bass(grid, rng), -2.0)
    kind = str(rng.choice(("arpeggio", "strum", "jig")))
    if kind == "arpeggio":
        notes = arpeggio(rng, grid, 55, 80, step=1.0, velocity=85, ring=1.5)
        add(("acoustic guitar", "piano", "harp", "electric guitar"), notes, -4.0)
    elif kind == "strum":
        add(("acoustic guitar", "piano", "harp", "electric guitar", "accordion"), _strum(grid, rng), -4.0)
    if kind == "jig" or rng.random() < 0.7:
        tune = ("violin", "flute", "piano", "harmonica", "accordion", "electric guitar")
        add(tune, _tune(grid, rng, jig=kind == "jig"), -1.0)
    return Piece(_finished(mix, rng), bpm, "6/8", offset_s)


def _drums(grid: Grid, pattern: dict[int, str]) -> list[Note]:
    return [
        Note(grid.time_s(bar, step), 0.12, key, VELOCITIES[mark])
        for bar in range(grid.bars)
        for key, steps in pattern.items()
        for step, mark in enumerate(steps)
        if mark != "."
    ]


def _bass(grid: Grid, rng: np.random.Generator) -> list[Note]:
    starts = BASS[int(rng.integers(len(BASS)))]
    notes = []
    for bar in range(grid.bars):
        root = 30 + (grid.chords[bar][0] - 30) % 12
        for start, end in zip(starts, (*starts[1:], 6), strict=True):
            fifth = 7 if start == 3 and rng.random() < 0.4 else 0
            loud = 98 if start == 0 else 90
            notes.append(Note(grid.time_s(bar, start), (end - start) * grid.beat_s * 0.9, root + fifth, loud))
    return notes


def _strum(grid: Grid, rng: np.random.Generator) -> list[Note]:
    starts = STRUMS[int(rng.integers(len(STRUMS)))]
    return [
        Note(grid.time_s(bar, start), 0.9 * grid.beat_s, pitch, 98 if start % 3 == 0 else 82)
        for bar in range(grid.bars)
        for start in starts
        for pitch in voicing(grid.chords[bar], 55, 78)
    ]


def _tune(grid: Grid, rng: np.random.Generator, *, jig: bool) -> list[Note]:
    ladder = scale_pitches(grid, 64, 86)
    place, notes = len(ladder) // 2, []
    motif = [TUNES[int(rng.integers(2 if jig else len(TUNES)))] for _ in range(2)]
    for bar in range(grid.bars):
        start = 0.0
        for length in motif[bar % 2]:
            place = int(np.clip(place + rng.integers(-3, 4), 0, len(ladder) - 1))
            loud = 100 if start % 3 == 0 else 90
            notes.append(Note(grid.time_s(bar, start), length * grid.beat_s * 0.9, ladder[place], loud))
            start += length
    return notes


def irregular(seed: int) -> Piece:
    """Render notes at times of no grid, half a one to seven a second, with pauses between phrases."""
    rng = np.random.default_rng([seed, 70])
    mix = np.zeros((2, SAMPLES), np.float32)
    for _ in range(int(rng.choice((1, 1, 2)))):
        label = str(rng.choice(INSTRUMENTS))
        sound = SOUNDS[label]
        rate = float(np.exp(rng.uniform(np.log(0.5), np.log(7))))
        spread = float(rng.uniform(0.35, 1.0))  # of the intervals, to their mean
        start_s, pitch, notes = float(rng.uniform(0, 1)), int(rng.integers(sound.low, sound.high + 1)), []
        while start_s < DURATION_S:
            step_s = float(rng.gamma(1 / spread**2, spread**2 / rate))
            pitch = int(np.clip(pitch + rng.integers(-4, 5), sound.low, sound.high))
            last_s = max(0.08, step_s * float(rng.uniform(0.4, 1.2)))
            notes.append(Note(start_s, last_s, pitch, int(rng.integers(50, 120))))
            start_s += max(step_s, 0.04) + (float(rng.uniform(0.3, 1.5)) if rng.random() < 0.08 else 0.0)
        mix += _part(label, notes, rng) * np.float32(10 ** (rng.uniform(-6, 0) / 20))
    return Piece(_finished(mix, rng))


def held(seed: int) -> Piece:
    """Render a note or chord, or two, held through, whose pitch and loudness may tremble."""
    rng = np.random.default_rng([seed, 71])
    label = str(rng.choice([name for name in INSTRUMENTS if SOUNDS[name].sustained]))
    low = int(rng.integers(SOUNDS[label].low, SOUNDS[label].high - 12))
    chord = (0,) if rng.random() < 0.5 else (0, int(rng.choice((3, 4, 5))), int(rng.choice((7, 8, 9, 12))))
    ends = (DURATION_S,) if rng.random() < 0.6 else (float(rng.uniform(3, 12)), DURATION_S)
    notes = [
        Note(start_s, end_s - start_s, low + step + 2 * number, 90)
        for number, (start_s, end_s) in enumerate(zip((0.0, *ends), ends, strict=False))
        for step in chord
    ]
    part = _part(label, notes, rng)
    if rng.random() < 0.6:
        part = vibrato(part, rng, RATE_HZ, rng.uniform(3, 7.5), rng.uniform(5, 50))
    if rng.random() < 0.7:
        turns = rng.uniform(1.5, 8) * np.arange(SAMPLES) / RATE_HZ + rng.uniform(0, 1)
        part = part * (1 + rng.uniform(0.03, 0.6) * np.sin(2 * np.pi * turns))
    return Piece(_finished(part, rng))


def noise(seed: int) -> Piece:
    """Render silence, noise, wind, crackle or applause."""
    return Piece(silence_or_noise(seed, DURATION_S, RATE_HZ).mean(axis=0))


def _part(label: str, notes: list[Note], rng: np.random.Generator) -> np.ndarray:
    return render_part(label, notes, rng, samples=SAMPLES, rate_hz=RATE_HZ, cents=0.0, gloss=0.5)


def _finished(mix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a mix in a room, mono, at half of full scale."""
    wet = float(rng.uniform(0, 0.9))
    (mix,) = shape_all([mix.astype(np.float32)], rng, RATE_HZ, brightness=0.5, wetness=wet)
    mono = mix.mean(axis=0)
    return (0.5 * mono / max(float(np.abs(mono).max()), 1e-6)).astype(np.float32)


KINDS: dict[str, Callable[[int], Piece]] = {
    "arranged": arranged,
    "solo": lambda seed: arranged(seed + 100_000, solo=True),
    "waltz": waltz,
    "compound": compound,
    "irregular": irregular,
    "held": held,
    "noise": noise,
}
