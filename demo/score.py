"""Compose short pieces on a strict grid: keys, chord progressions, melodies, bass lines and chord patterns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PITCH_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)


class Note(NamedTuple):
    """One note: times in seconds, pitch a MIDI number, velocity 1..127."""

    start_s: float
    duration_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Grid:
    """The strict time grid of a piece and its harmony.

    Attributes:
        tempo_bpm: quarter notes a minute.
        beats: quarter notes a bar.
        bars: whole bars, enough to cover the excerpt.
        swing: where the second eighth of a beat falls, 0.5 (straight) to 0.67.
        tonic: pitch class of the key.
        minor: whether the key is minor.
        chords: one tuple of pitch classes a bar, root first.
    """

    tempo_bpm: float
    beats: int
    bars: int
    swing: float
    tonic: int
    minor: bool
    chords: tuple[tuple[int, ...], ...]

    @property
    def beat_s(self) -> float:
        """Length of a quarter note."""
        return 60.0 / self.tempo_bpm

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of the key."""
        steps = MINOR_SCALE if self.minor else MAJOR_SCALE
        return tuple((self.tonic + step) % 12 for step in steps)

    @property
    def key(self) -> str:
        """Name of the key, such as ``"F# minor"``."""
        return f"{PITCH_NAMES[self.tonic]} {'minor' if self.minor else 'major'}"

    def time_s(self, bar: int, beat: float) -> float:
        """Start of a position of the grid; the off-eighths are moved by the swing."""
        whole, fraction = divmod(beat, 1.0)
        if fraction <= 0.5:
            fraction = fraction * 2 * self.swing
        else:
            fraction = self.swing + (fraction - 0.5) * 2 * (1 - self.swing)
        return (bar * self.beats + whole + fraction) * self.beat_s


PROGRESSIONS_MAJOR = (
    (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (0, 3, 0, 4), (0, 5, 1, 4), (0, 2, 3, 4), (0, 4, 3, 3), (0, 0, 3, 0),
)  # fmt: skip
PROGRESSIONS_MINOR = (
    (0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 4), (0, 5, 3, 4), (0, 3, 0, 4), (0, 0, 5, 6), (0, 2, 6, 3), (0, 0, 3, 0),
)  # fmt: skip
TWELVE_BARS = (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4)


def draw_grid(
    rng: np.random.Generator,
    *,
    tempo_bpm: float,
    duration_s: float,
    minor: bool,
    beats: int = 4,
    swing: float = 0.5,
    sevenths: float = 0.2,
    form: str = "loop",
) -> Grid:
    """Draw key and progression and lay out enough bars to cover an excerpt.

    Args:
        rng: source of every choice.
        tempo_bpm: quarter notes a minute.
        duration_s: length of the excerpt.
        minor: mode of the key.
        beats: quarter notes a bar.
        swing: where the off-eighth falls.
        sevenths: probability that chords carry sevenths.
        form: ``loop`` (four bars), ``twelve`` (blues), ``drone`` (one chord) or ``slow`` (two bars a chord).
    """
    tonic = int(rng.integers(12))
    scale = MINOR_SCALE if minor else MAJOR_SCALE
    bars = int(np.ceil(duration_s / (60.0 / tempo_bpm * beats))) + 2
    table = PROGRESSIONS_MINOR if minor else PROGRESSIONS_MAJOR
    degrees: Sequence[int] = table[int(rng.integers(len(table)))]
    if form == "twelve":
        degrees = TWELVE_BARS
    elif form == "drone":
        degrees = (0,)
    elif form == "slow":
        degrees = [degree for degree in degrees for _ in range(2)]
    size = 4 if rng.random() < sevenths else 3
    leading = minor and rng.random() < 0.35
    chords = []
    for bar in range(bars):
        degree = degrees[bar % len(degrees)]
        chord = [(tonic + scale[(degree + 2 * i) % 7]) % 12 for i in range(size)]
        if form == "twelve" and not minor:
            root = chord[0]
            chord = [root, (root + 4) % 12, (root + 7) % 12, (root + 10) % 12]
        if leading and degree == 4:
            chord[1] = (tonic + 11) % 12
        chords.append(tuple(chord))
    return Grid(tempo_bpm, beats, bars, swing, tonic, minor, tuple(chords))


def excerpt(notes: Sequence[Note], offset_s: float, duration_s: float) -> list[Note]:
    """Shift notes so that ``offset_s`` becomes the start; a note cut by the start begins there if enough is left."""
    kept = []
    for note in notes:
        start = note.start_s - offset_s
        end = start + note.duration_s
        if start >= duration_s or end <= 0.0:
            continue
        if start < 0.0:
            if start < -0.02 and end < 0.15:
                continue
            kept.append(Note(0.0, end, note.pitch, note.velocity))
        else:
            kept.append(Note(start, note.duration_s, note.pitch, note.velocity))
    return kept


def humanise(
    notes: Sequence[Note], rng: np.random.Generator, spread_s: float, spread_velocity: float
) -> list[Note]:
    """Move starts by at most 10 ms and velocities a little."""
    moves = np.clip(rng.normal(0.0, max(spread_s, 1e-9), len(notes)), -0.01, 0.01)
    louder = rng.normal(0.0, max(spread_velocity, 1e-9), len(notes))
    return [
        Note(
            max(0.0, note.start_s + float(move)),
            note.duration_s,
            note.pitch,
            int(np.clip(note.velocity + change, 8, 127)),
        )
        for note, move, change in zip(notes, moves, louder, strict=True)
    ]


def voicing(chord: Sequence[int], low: int, high: int) -> list[int]:
    """Pitches of a chord, close together, from ``low`` upward."""
    pitches = sorted(low + (pitch_class - low) % 12 for pitch_class in chord)
    return [pitch if pitch <= high else pitch - 12 for pitch in pitches]


def scale_pitches(grid: Grid, low: int, high: int) -> list[int]:
    """Every pitch of the key between two limits."""
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
    """A tune made of a repeated and varied two-bar rhythm, its strong beats on chord tones.

    Args:
        rng: source of every choice.
        grid: time and harmony.
        low: lowest pitch.
        high: highest pitch.
        density: a key of ``RHYTHMS``.
        velocity: mean velocity.
        legato: part of its grid time that a note lasts.
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
    """Chords in one of ``CHORD_PATTERNS``; ``power`` keeps root, fifth and octave only; guitars are strummed."""
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
    """Broken chords in equal steps of ``step`` beats; ``ring`` is the length of a note in steps."""
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


# Onset and length in beats, and the chord tone: 0 root, 1 third, 2 fifth, 8 octave, 9 approach to the next root.
BASS_PATTERNS: dict[str, tuple[tuple[float, float, int], ...]] = {
    "held": ((0, 3.9, 0),),
    "halves": ((0, 1.9, 0), (2, 1.9, 2)),
    "two-beat": ((0, 0.9, 0), (2, 0.9, 2)),
    "eighths": tuple((i / 2, 0.45, 0) for i in range(8)),
    "walking": ((0, 0.95, 0), (1, 0.95, 1), (2, 0.95, 2), (3, 0.95, 9)),
    "shuffle": ((0, 0.6, 0), (0.5, 0.3, 0), (1, 0.6, 1), (1.5, 0.3, 1), (2, 0.6, 2), (2.5, 0.3, 2), (3, 0.6, 1), (3.5, 0.3, 0)),
    "octaves": tuple((i / 2, 0.4, 8 if i % 2 else 0) for i in range(8)),
    "offbeat": tuple((i + 0.5, 0.4, 0) for i in range(4)),
    "tumbao": ((0, 0.4, 0), (1.5, 0.9, 2), (3, 0.9, 8)),
    "reggae": ((0, 0.7, 0), (1.5, 0.4, 0), (2, 0.7, 2), (2.75, 0.2, 1), (3.25, 0.4, 0)),
    "funk": ((0, 0.3, 0), (0.75, 0.2, 8), (1.25, 0.2, 0), (1.5, 0.3, 2), (2.25, 0.2, 0), (2.75, 0.2, 8), (3.5, 0.3, 9)),
    "sub": ((0, 1.4, 0), (1.75, 0.7, 0), (2.5, 1.2, 0)),
    "rolling": tuple((i + part, 0.22, 0) for i in range(4) for part in (0.25, 0.5, 0.75)),
    "gallop": tuple((beat + part, 0.22, 0) for beat in range(4) for part in (0, 0.5, 0.75)),
}  # fmt: skip


def bass(grid: Grid, low: int, *, pattern: str, velocity: int) -> list[Note]:
    """A bass line in one of ``BASS_PATTERNS`` from ``low`` upward."""
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
