"""Drum and hand percussion patterns on the grid, as General MIDI percussion notes."""

from __future__ import annotations

import numpy as np

from leitmotif.music.score import Grid, Note

KICK, RIM, SNARE, CLAP, CLOSED, OPEN, PEDAL, RIDE, CRASH = 36, 37, 38, 39, 42, 46, 44, 51, 49
LOW_TOM, MIDDLE_TOM, HIGH_TOM, TAMBOURINE, COWBELL = 45, 47, 50, 54, 56
BONGO_HIGH, BONGO_LOW, CONGA_MUTE, CONGA_OPEN, CONGA_LOW, TIMBALE_HIGH, TIMBALE_LOW = (
    60,
    61,
    62,
    63,
    64,
    65,
    66,
)
CABASA, MARACAS, CLAVES, CASTANETS, SHAKER = 69, 70, 75, 85, 82

# One bar of sixteen steps: X loud, x normal, o soft. "shuffle" patterns are read on a swung grid.
DRUM_PATTERNS: dict[str, tuple[dict[int, str], ...]] = {
    "rock": (
        {KICK: "x.......x.x.....", SNARE: "....X.......X...", CLOSED: "x.x.x.x.x.x.x.x."},
        {KICK: "x.....x.x.......", SNARE: "....X.......X...", RIDE: "x.x.x.x.x.x.x.x."},
        {KICK: "x..x....x.x.....", SNARE: "....X.......X..o", OPEN: "x...x...x...x..."},
    ),
    "metal": (
        {
            KICK: "xxxxxxxxxxxxxxxx",
            SNARE: "....X.......X...",
            CRASH: "X.......x.......",
            RIDE: "x.x.x.x.x.x.x.x.",
        },
        {KICK: "x.xxx.xxx.xxx.xx", SNARE: "....X.......X...", OPEN: "x...x...x...x..."},
        {KICK: "x.x.x.x.x.x.x.x.", SNARE: ".x.x.x.x.x.x.x.x", CRASH: "x...x...x...x..."},
    ),
    "pop": (
        {
            KICK: "x.......x.......",
            SNARE: "....x.......x...",
            CLOSED: "x.x.x.x.x.x.x.x.",
            CLAP: "....x.......x...",
        },
        {
            KICK: "x.....x...x.....",
            SNARE: "....x.......x...",
            CLOSED: "xoxoxoxoxoxoxoxo",
            TAMBOURINE: "....x.......x...",
        },
    ),
    "swing": (
        {
            RIDE: "x...x.x.x...x.x.",
            PEDAL: "....x.......x...",
            KICK: "o...o...o...o...",
            SNARE: "......o.......o.",
        },
        {RIDE: "x...X.x.x...X.x.", PEDAL: "....x.......x...", SNARE: "..o.....o.....o."},
        {SNARE: "x.o.x.o.x.o.x.o.", PEDAL: "....x.......x...", KICK: "o.......o......."},
    ),
    "shuffle": (
        {KICK: "x.......x.......", SNARE: "....X.......X...", CLOSED: "x.x.x.x.x.x.x.x."},
        {KICK: "x.....x.x.......", SNARE: "....x.......x...", RIDE: "x.x.x.x.x.x.x.x."},
    ),
    "four": (
        {
            KICK: "X...X...X...X...",
            CLAP: "....x.......x...",
            OPEN: "..x...x...x...x.",
            CLOSED: "xoxoxoxoxoxoxoxo",
        },
        {KICK: "X...X...X...X...", SNARE: "....x.......x...", OPEN: "..x...x...x...x."},
        {
            KICK: "X...X...X...X..x",
            CLAP: "....x.......x..o",
            CLOSED: "..x...x...x...xx",
            COWBELL: "x..x..x...x..x..",
        },
    ),
    "break": (
        {KICK: "x.x.......xx....", SNARE: "....X..o.o..X..o", CLOSED: "x.x.x.x.x.x.x.x."},
        {KICK: "x......x..x.....", SNARE: "....X.......X...", CLOSED: "x.xxx.x.x.xxx.x."},
        {KICK: "x..x......x..x..", CLAP: "....X.......X...", CLOSED: "xxxoxxxoxxoxxxxx"},
    ),
    "funk": (
        {KICK: "x.x.......x..x..", SNARE: "....X..o.o.oX..o", CLOSED: "xxxxxxxxxxxxxxxx"},
        {
            KICK: "x..x..x...x.....",
            SNARE: "....X.o..o..X.o.",
            CLOSED: "x.xxx.xxx.xxx.x.",
            OPEN: "......x.........",
        },
    ),
    "reggae": (
        {KICK: "........X.......", RIM: "........X.......", CLOSED: "x.x.x.x.x.x.x.x."},
        {KICK: "x...x...x...x...", RIM: "........X.......", CLOSED: "..x...x...x...x."},
    ),
    "latin": (
        {KICK: "x.....x.x.....x.", RIM: "x..x..x...x.x...", CLOSED: "x.x.x.x.x.x.x.x."},
        {
            KICK: "...x..x....x..x.",
            COWBELL: "x.x.x.xxx.x.x.xx",
            TIMBALE_HIGH: "....o.......o..x",
            LOW_TOM: "............x.x.",
        },
    ),
    "country": (
        {KICK: "x.......x.......", SNARE: "oooxoooXoooxoooX"},
        {KICK: "x.......x.......", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
    ),
    "cinematic": (
        {LOW_TOM: "X..x..x.X..x..x.", KICK: "X.......X......."},
        {LOW_TOM: "X...x.x.X...xxxx", CRASH: "X...............", MIDDLE_TOM: "......x.......x."},
    ),
    "march": ({SNARE: "x..ox.oox..oxoxo", KICK: "x.......x......."},),
}

HAND_PATTERNS: tuple[dict[int, str], ...] = (
    {
        CONGA_MUTE: "x.x...x.x.x...x.",
        CONGA_OPEN: "......x.......xx",
        CONGA_LOW: "...x.......x....",
        SHAKER: "xoxoxoxoxoxoxoxo",
    },
    {BONGO_HIGH: "xoxxxoxxxoxxxoxx", BONGO_LOW: "....x.......x..."},
    {CLAVES: "x..x..x...x.x...", CONGA_OPEN: "......xx......xx", MARACAS: "x.x.x.x.x.x.x.x."},
    {SHAKER: "xoxoxoxoxoxoxoxo", TAMBOURINE: "....x.......x..."},
    {BONGO_LOW: "x..x..x.x..x..x.", BONGO_HIGH: ".x..x.xx.x..x.xx", CONGA_LOW: "x.......x......."},
    {TIMBALE_HIGH: "x..x.xx.x.x.xx.x", TIMBALE_LOW: "..x.....x......."},
    {CASTANETS: "x..xxx..x..xxx..", TAMBOURINE: "x.......x......."},
    {CABASA: "x.xxx.xxx.xxx.xx", CONGA_MUTE: "x.....x.x.....x.", CONGA_LOW: "...x......x....."},
    {TAMBOURINE: "x.xxx.xxx.xxx.xx"},
)
VELOCITIES = {"X": 118, "x": 96, "o": 58}


def drum_notes(
    rng: np.random.Generator, grid: Grid, style: str, *, velocity: int, density: float
) -> list[Note]:
    """Write a drum part: one pattern of a style, thinned when quiet, with fills before every fourth bar.

    Args:
        rng: Source of every choice.
        grid: Time grid; bars of other than four beats keep the first steps of a pattern.
        style: A key of `DRUM_PATTERNS` or `hand` for hand percussion.
        velocity: Velocity of a normal stroke.
        density: 0..1; under 0.35 one voice of the pattern falls away.
    """
    table = HAND_PATTERNS if style == "hand" else DRUM_PATTERNS[style]
    pattern = dict(table[int(rng.integers(len(table)))])
    if density < 0.35 and len(pattern) > 2:
        del pattern[sorted(pattern)[int(rng.integers(len(pattern)))]]
    fills = style not in ("hand", "four", "swing") and rng.random() < 0.5
    notes = []
    for bar in range(grid.bars):
        for key, steps in sorted(pattern.items()):
            for step, mark in enumerate(steps[: grid.beats * 4]):
                if mark == "." or (fills and bar % 4 == 3 and step >= 12 and key != KICK):
                    continue
                loud = int(np.clip(VELOCITIES[mark] * velocity / 96, 10, 127))
                notes.append(Note(grid.time_s(bar, step / 4), 0.12, key, loud))
        if fills and bar % 4 == 3 and grid.beats == 4:
            toms = (SNARE, HIGH_TOM, MIDDLE_TOM, LOW_TOM)
            notes += [Note(grid.time_s(bar, 3 + i / 4), 0.12, toms[i], velocity) for i in range(4)]
    return notes
