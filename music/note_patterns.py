"""Melodies, chord patterns, broken chords and bass lines on the grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leitmotif.music.score import Grid, Note


def voicing(chord: Sequence[int], low: int, high: int) -> list[int]:
    """Return the pitches of a chord, close together, from `low` upward."""
    pitches = sorted(low + (pitch_class - low) % 12 for pitch_class in chord)
    return [pitch if pitch <= high else pitch - 12 for pitch in pitches]


def scale_pitches(grid: Grid, low: int, high: int) -> list[int]:
    """Return every pitch of the key between two limits."""
    scale = set(grid.scale)
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in scale]


RHYTHMS: dict[str, tuple[tuple[float, ...], ...]] = {
    "sparse": ((4,), (2, 2), (3, 1), (2, 1, 1)),
    "medium": ((1, 1, 2), (1.5, 0.5, 1, 1), (2, 1, 1), (1, 0.5, 0.5, 2), (1, 1, 1, 1), (0.5, 0.5, 1, 2)),
    "dense": (
        (0.5,) * 8,
        (0.5, 0.5, 1, 0.5, 0.5, 1),
        (0.5, 0.25, 0.25, 0.5, 0.5, 1, 1),
        (0.75, 0.75, 0.5, 1, 1),
    ),
    "fast": ((0.25,) * 16, (0.5, 0.25, 0.25) * 4, (0.25, 0.25, 0.5) * 4),
}


def melody(
    rng: np.random.Generator,
    grid: Grid,
    low: int,
    high: int,
    *,
    density: str,
    velocity: int,
    legato: float = 0.95,
) -> list[Note]:
    """Draw a tune made of a repeated and varied two-bar rhythm, its strong beats on chord tones.

    Args:
        rng: Source of every choice.
        grid: Time and harmony.
        low: Lowest pitch.
        high: Highest pitch.
        density: A key of `RHYTHMS`.
        velocity: Mean velocity.
        legato: Part of its grid time that a note lasts.
    """
    ladder = scale_pitches(grid, low, high)
    cells = RHYTHMS[density]
    motif = [cells[int(rng.integers(len(cells)))] for _ in range(2)]
    place = int(rng.integers(len(ladder) // 4, max(len(ladder) // 4 + 1, 3 * len(ladder) // 4)))
    pause = rng.uniform(0.0, 0.2)
    notes = []
    for bar in range(grid.bars):
        cell = motif[bar % 2] if rng.random() < 0.8 else cells[int(rng.integers(len(cells)))]
        beat = 0.0
        for length in cell:
            if beat >= grid.beats:
                break
            length = min(length, grid.beats - beat)
            place = int(np.clip(place + rng.choice((-2, -1, -1, 0, 1, 1, 2, 3, -3)), 0, len(ladder) - 1))
            if beat % 2 == 0:
                tones = [i for i, pitch in enumerate(ladder) if pitch % 12 in grid.chords[bar]]
                place = min(tones, key=lambda i: abs(i - place)) if tones else place
            if rng.random() >= pause:
                start = grid.time_s(bar, beat)
                last = (grid.time_s(bar, beat + length) - start) * legato
                notes.append(Note(start, last, ladder[place], velocity + (8 if beat == 0 else 0)))
            beat += length
    return notes


# Onsets in beats and lengths in beats of chord patterns in a bar of four; cut to the bar where it is shorter.
CHORD_PATTERNS: dict[str, tuple[tuple[float, float], ...]] = {
    "held": ((0, 4),),
    "halves": ((0, 2), (2, 2)),
    "quarters": ((0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9)),
    "eighths": tuple((i / 2, 0.45) for i in range(8)),
    "offbeat": ((0.5, 0.25), (1.5, 0.25), (2.5, 0.25), (3.5, 0.25)),
    "skank": ((1, 0.22), (3, 0.22), (1.5, 0.15), (3.5, 0.15)),
    "backbeat": ((1, 0.3), (3, 0.3)),
    "charleston": ((0, 0.8), (1.5, 0.4)),
    "comp": ((0.5, 0.4), (1.5, 0.9), (3.5, 0.4)),
    "strum": ((0, 0.9), (1, 0.5), (1.5, 0.5), (2.5, 0.5), (3, 0.5), (3.5, 0.5)),
    "pum-pah": ((1, 0.45), (2, 0.45), (3, 0.45)),
    "montuno": ((0, 0.4), (0.5, 0.4), (1.5, 0.4), (2, 0.4), (2.5, 0.4), (3.5, 0.4)),
    "bossa": ((0, 0.4), (1.5, 0.4), (2.5, 0.4), (3.5, 0.7)),
    "chop": (
        (0, 0.12),
        (0.25, 0.12),
        (0.75, 0.12),
        (1.5, 0.12),
        (1.75, 0.12),
        (2.5, 0.12),
        (3, 0.12),
        (3.25, 0.12),
    ),
    "stabs": ((0, 0.25), (0.75, 0.25), (2.5, 0.25)),
    "gallop": tuple((beat + part, 0.22) for beat in range(4) for part in (0, 0.5, 0.75)),
    "trance": tuple((beat + part, 0.2) for beat in range(4) for part in (0, 0.25, 0.75)),
    "tremolo": tuple((i / 4, 0.24) for i in range(16)),
}


def repeat(notes: Sequence[Note], step_s: float) -> list[Note]:
    """Split every note into quick repeats of itself, as with a tremolo or a plectrum."""
    out = []
    for note in notes:
        for i in range(max(1, round(note.duration_s / step_s))):
            out.append(
                Note(note.start_s + i * step_s, step_s * 0.9, note.pitch, note.velocity - 10 * (i % 2))
            )
    return out


def chords(
    rng: np.random.Generator,
    grid: Grid,
    low: int,
    high: int,
    *,
    pattern: str,
    velocity: int,
    power: bool = False,
) -> list[Note]:
    """Lay chords in one of `CHORD_PATTERNS`; `power` keeps root, fifth and octave only."""
    stroke_s = rng.uniform(0.004, 0.009) if pattern == "strum" else 0.0
    notes = []
    for bar in range(grid.bars):
        pitches = voicing(grid.chords[bar], low, high)
        if power:
            root = low + (grid.chords[bar][0] - low) % 12
            pitches = [root, root + 7, root + 12]
        for onset, length in CHORD_PATTERNS[pattern]:
            if onset >= grid.beats:
                continue
            start = grid.time_s(bar, onset)
            last = min(length, grid.beats - onset) * grid.beat_s
            accent = 10 if onset in (0, 2) else 0
            order = pitches if onset % 1 == 0 else pitches[::-1]
            notes += [
                Note(start + i * stroke_s, last, pitch, velocity + accent) for i, pitch in enumerate(order)
            ]
    return notes


ARPEGGIOS = {
    "up": (0, 1, 2, 3),
    "down": (3, 2, 1, 0),
    "alberti": (0, 2, 1, 2),
    "wave": (0, 1, 2, 3, 2, 1),
    "roll": (0, 2, 4, 5),
}


def arpeggio(
    rng: np.random.Generator,
    grid: Grid,
    low: int,
    high: int,
    *,
    step: float,
    velocity: int,
    ring: float = 1.0,
) -> list[Note]:
    """Break chords into equal steps of `step` beats; `ring` is the length of a note in steps."""
    shape = ARPEGGIOS[str(rng.choice(list(ARPEGGIOS)))]
    notes = []
    for bar in range(grid.bars):
        tones = voicing(grid.chords[bar], low, high)
        tones = tones + [pitch + 12 for pitch in tones]
        for i in range(round(grid.beats / step)):
            start = grid.time_s(bar, i * step)
            pitch = tones[shape[i % len(shape)] % len(tones)]
            notes.append(
                Note(start, step * grid.beat_s * ring, pitch, velocity + (8 if i * step % 1 == 0 else 0))
            )
    return notes


# Onset and length in beats, and the tone: 0 root, 1 third, 2 fifth, 8 octave, 9 approach to the next root.
BASS_PATTERNS: dict[str, tuple[tuple[float, float, int], ...]] = {
    "held": ((0, 3.9, 0),),
    "halves": ((0, 1.9, 0), (2, 1.9, 2)),
    "two-beat": ((0, 0.9, 0), (2, 0.9, 2)),
    "eighths": tuple((i / 2, 0.45, 0) for i in range(8)),
    "walking": ((0, 0.95, 0), (1, 0.95, 1), (2, 0.95, 2), (3, 0.95, 9)),
    "shuffle": (
        (0, 0.6, 0),
        (0.5, 0.3, 0),
        (1, 0.6, 1),
        (1.5, 0.3, 1),
        (2, 0.6, 2),
        (2.5, 0.3, 2),
        (3, 0.6, 1),
        (3.5, 0.3, 0),
    ),
    "octaves": tuple((i / 2, 0.4, 8 if i % 2 else 0) for i in range(8)),
    "offbeat": tuple((i + 0.5, 0.4, 0) for i in range(4)),
    "tumbao": ((0, 0.4, 0), (1.5, 0.9, 2), (3, 0.9, 8)),
    "reggae": ((0, 0.7, 0), (1.5, 0.4, 0), (2, 0.7, 2), (2.75, 0.2, 1), (3.25, 0.4, 0)),
    "funk": (
        (0, 0.3, 0),
        (0.75, 0.2, 8),
        (1.25, 0.2, 0),
        (1.5, 0.3, 2),
        (2.25, 0.2, 0),
        (2.75, 0.2, 8),
        (3.5, 0.3, 9),
    ),
    "sub": ((0, 1.4, 0), (1.75, 0.7, 0), (2.5, 1.2, 0)),
    "rolling": tuple((i + part, 0.22, 0) for i in range(4) for part in (0.25, 0.5, 0.75)),
    "gallop": tuple((beat + part, 0.22, 0) for beat in range(4) for part in (0, 0.5, 0.75)),
}


def bass(grid: Grid, low: int, *, pattern: str, velocity: int) -> list[Note]:
    """Draw a bass line in one of `BASS_PATTERNS` from `low` upward."""
    notes = []
    for bar in range(grid.bars):
        chord = grid.chords[bar]
        root = low + (chord[0] - low) % 12
        after = low + (grid.chords[min(bar + 1, grid.bars - 1)][0] - low) % 12
        tones = {
            0: root,
            1: root + (chord[1] - chord[0]) % 12,
            2: root + (chord[2] - chord[0]) % 12,
            8: root + 12,
        }
        ladder = [pitch for pitch in scale_pitches(grid, low - 3, low + 16) if pitch != after]
        tones[9] = min(ladder, key=lambda pitch: (abs(pitch - after), pitch))
        for onset, length, tone in BASS_PATTERNS[pattern]:
            if onset < grid.beats:
                last = min(length, grid.beats - onset) * grid.beat_s
                notes.append(
                    Note(grid.time_s(bar, onset), last, tones[tone], velocity + (6 if onset == 0 else 0))
                )
    return notes
