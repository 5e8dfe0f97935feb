"""What stands under a tune: chords, broken chords, pads and the bass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leitmotif.generators.arranger.harmony import Chord, voice
from leitmotif.generators.arranger.score import ScoreNote
from leitmotif.music.note_patterns import ARPEGGIOS, BASS_PATTERNS, CHORD_PATTERNS

QUIET = 0.4  # energy below which an accompaniment only holds
_STROKE_S = 0.007  # from string to string of a strum
_APPROACH = 9  # of `BASS_PATTERNS`: the tone before the next root


def chords(
    chords: Sequence[Chord],
    low: int,
    high: int,
    *,
    pattern: str,
    first_bar: int,
    beats: int,
    velocity: int,
    power: bool = False,
) -> list[ScoreNote]:
    """Return chords in one of `CHORD_PATTERNS`, one inversion leading to the next.

    Args:
        chords: A chord for each bar.
        low: Lowest pitch.
        high: Highest pitch.
        pattern: A key of `CHORD_PATTERNS`.
        first_bar: Where in the score they begin.
        beats: Beats a bar.
        velocity: Of a stroke.
        power: Whether chords are root, fifth and octave alone.
    """
    stroke_s = _STROKE_S if pattern == "strum" else 0.0
    notes = []
    for bar, (chord, pitches) in enumerate(
        zip(chords, voice(chords, low, high), strict=True), start=first_bar
    ):
        if power:
            root = low + (chord[0] - low) % 12
            pitches = (root, root + 7, root + 12)
        for onset, length in CHORD_PATTERNS[pattern]:
            if onset >= beats:
                continue
            length = min(length, beats - onset)
            loud = velocity + (8 if onset == 0 else 4 if onset == 2 else 0)
            order = pitches if onset % 1 == 0 else pitches[::-1]
            notes += [
                ScoreNote(bar, onset, length, pitch, loud - (0 if onset % 1 == 0 else 8), string * stroke_s)
                for string, pitch in enumerate(order)
            ]
    return notes


def pad(
    chords: Sequence[Chord], low: int, high: int, *, first_bar: int, beats: int, velocity: int
) -> list[ScoreNote]:
    """Return chords that are held; a pitch that the next chord has, too, sounds on. See `chords`."""
    open_notes: dict[int, ScoreNote] = {}
    notes = []
    for bar, pitches in enumerate(voice(chords, low, high), start=first_bar):
        for pitch in [each for each in open_notes if each not in pitches]:
            notes.append(open_notes.pop(pitch))
        for pitch in pitches:
            held = open_notes.get(pitch, ScoreNote(bar, 0.0, 0.0, pitch, velocity))
            open_notes[pitch] = held._replace(beats=held.beats + beats)
    return notes + list(open_notes.values())


def arpeggio(
    chords: Sequence[Chord],
    low: int,
    high: int,
    *,
    shape: str,
    step: float,
    first_bar: int,
    beats: int,
    velocity: int,
) -> list[ScoreNote]:
    """Return chords broken into steps of so many beats, in one of `ARPEGGIOS`. See `chords`."""
    notes = []
    order = ARPEGGIOS[shape]
    for bar, pitches in enumerate(voice(chords, low, high - 12), start=first_bar):
        tones = [*pitches, *(pitch + 12 for pitch in pitches)]
        for number in range(round(beats / step)):
            beat = number * step
            pitch = tones[order[number % len(order)] % len(tones)]
            loud = velocity + (8 if beat == 0 else 4 if beat % 1 == 0 else -4)
            notes.append(ScoreNote(bar, beat, min(2 * step, beats - beat), pitch, loud))
    return notes


def bass(
    chords: Sequence[Chord],
    after: Chord,
    scale: Sequence[int],
    low: int,
    *,
    pattern: str,
    first_bar: int,
    beats: int,
    velocity: int,
) -> list[ScoreNote]:
    """Return a bass line in one of `BASS_PATTERNS`.

    Args:
        chords: A chord for each bar.
        after: The chord behind them, to which the last bar leads.
        scale: Pitch classes of the key.
        low: Lowest pitch.
        pattern: A key of `BASS_PATTERNS`.
        first_bar: Where in the score they begin.
        beats: Beats a bar.
        velocity: Of a note.
    """
    notes = []
    for place, chord in enumerate(chords):
        following = chords[place + 1] if place + 1 < len(chords) else after
        root, target = (low + (each[0] - low) % 12 for each in (chord, following))
        ladder = [pitch for pitch in range(low, low + 16) if pitch % 12 in scale and pitch != target]
        tones = {
            0: root,
            1: root + (chord[1] - chord[0]) % 12,
            2: root + (chord[2] - chord[0]) % 12,
            8: root + 12,
            _APPROACH: min(ladder, key=lambda pitch: (abs(pitch - target), pitch)),
        }
        for onset, length, tone in BASS_PATTERNS[pattern]:
            if onset < beats:
                loud = velocity + (8 if onset == 0 else 0)
                length = min(length, beats - onset)
                notes.append(ScoreNote(first_bar + place, onset, length, tones[tone], loud))
    return notes


def choose_pattern(rng: np.random.Generator, patterns: Sequence[str], energy: float) -> str:
    """Draw one of a style's patterns for an energy; what is quiet holds its chords."""
    if energy < QUIET:
        return "held" if rng.random() < 0.6 else "halves"
    return str(patterns[int(rng.integers(len(patterns)))])
