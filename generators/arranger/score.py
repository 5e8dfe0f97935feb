"""A score: who plays which notes at which beat of which bar, and when each bar begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from leitmotif.generators.arranger.form import Section
from leitmotif.generators.arranger.harmony import Chord
from leitmotif.music.score import Note
from leitmotif.storage.errors import UserError


class ScoreNote(NamedTuple):
    """A note on the grid: where in beats, which pitch, how loud, and how far a player is off the grid."""

    bar: int
    beat: float
    beats: float
    pitch: int
    velocity: int
    late_s: float = 0.0


@dataclass(frozen=True)
class Part:
    """What one player plays.

    Attributes:
        name: Its own name among the parts, such as "piano (chords)".
        label: Label of the instrument.
        role: "melody", "answer", "chords", "arpeggio", "pad", "bass", "drums" or "hand".
        program: General MIDI program, or number of the drum kit.
        drums: Whether pitches are percussion keys.
        notes: Its notes.
        asked: Whether the instrument was asked for.
    """

    name: str
    label: str
    role: str
    program: int
    drums: bool
    notes: tuple[ScoreNote, ...]
    asked: bool = False


@dataclass(frozen=True)
class Timeline:
    """When bars begin.

    Attributes:
        starts_s: Start of each bar, and the end of the last one, ascending.
        beats: Beats of each bar.
        swing: Where the second eighth of a beat falls, 0.5 (straight) to 0.67.
    """

    starts_s: tuple[float, ...]
    beats: tuple[int, ...]
    swing: float = 0.5

    @classmethod
    def steady(cls, tempo_bpm: float, beats: Sequence[int], *, swing: float = 0.5) -> Timeline:
        """Return bars of one tempo, from 0."""
        ends = np.cumsum([0.0, *(count * 60.0 / tempo_bpm for count in beats)])
        return cls(tuple(float(end) for end in ends), tuple(beats), swing)

    def time_s(self, bar: int, beat: float) -> float:
        """Return when a beat of a bar comes; off-eighths are moved by the swing."""
        whole, fraction = divmod(beat, 1.0)
        if fraction <= 0.5:
            fraction *= 2 * self.swing
        else:
            fraction = self.swing + (fraction - 0.5) * 2 * (1 - self.swing)
        return self.starts_s[bar] + (whole + fraction) * self.beat_s(bar)

    def beat_s(self, bar: int) -> float:
        """Return how long a beat of a bar lasts."""
        return (self.starts_s[bar + 1] - self.starts_s[bar]) / self.beats[bar]

    def beats_s(self) -> tuple[tuple[float, ...], ...]:
        """Return when the beats of each bar come; the first of each is its downbeat."""
        return tuple(
            tuple(self.starts_s[bar] + beat * self.beat_s(bar) for beat in range(count))
            for bar, count in enumerate(self.beats)
        )


@dataclass(frozen=True)
class Score:
    """A piece in notes.

    Attributes:
        timeline: When bars begin; the last bar is the last chord, which rings to the end.
        sections: The form, the last chord with it; their bars are those of the timeline.
        chords: A chord for each bar.
        tonic: Pitch class of the key.
        minor: Mode of the key.
        parts: The parts.
        seconds: Length of the piece, which the last chord fills.
    """

    timeline: Timeline
    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]
    tonic: int
    minor: bool
    parts: tuple[Part, ...]
    seconds: float

    def retimed(self, starts_s: Sequence[float], beats: Sequence[int] | None = None) -> Score:
        """Return the piece on another grid: each bar with its own tempo and start.

        Args:
            starts_s: Start of each bar and the end of the last, ascending; the end is that of the piece.
            beats: Beats of each bar, if some are shorter than they were written: what came later is left out.

        Raises:
            UserError: There are not as many as bars and one, or they do not ascend; or a bar grew.
        """
        if len(starts_s) != len(self.timeline.starts_s) or np.any(np.diff(starts_s) <= 0):
            raise UserError(
                f"got {len(starts_s)} starts of bars; expected {len(self.timeline.starts_s)}, ascending: "
                "of each bar, and the end of the last"
            )
        timeline = replace(self.timeline, starts_s=tuple(map(float, starts_s)))
        moved = replace(self, timeline=timeline, seconds=float(starts_s[-1]))
        return moved if beats is None else moved._shortened(tuple(beats))

    def _shortened(self, beats: tuple[int, ...]) -> Score:
        written = self.timeline.beats
        if len(beats) != len(written) or any(
            not 1 <= count <= whole for count, whole in zip(beats, written, strict=True)
        ):
            raise UserError(
                f"got beats of {len(beats)} bars; expected {len(written)}, each from 1 to those it has"
            )
        parts = []
        for part in self.parts:
            notes = []
            for note in part.notes:
                room = beats[note.bar] - note.beat
                if beats[note.bar] == written[note.bar]:
                    notes.append(note)
                elif room > 0:
                    notes.append(note._replace(beats=min(note.beats, room)))
            parts.append(replace(part, notes=tuple(notes)))
        return replace(self, timeline=replace(self.timeline, beats=beats), parts=tuple(parts))

    def only(self, names: Iterable[str]) -> Score:
        """Return the piece with some of its parts, by name.

        Raises:
            UserError: A name is none of its parts.
        """
        wanted, known = list(names), {part.name: part for part in self.parts}
        if strange := [name for name in wanted if name not in known]:
            raise UserError(f"got part {strange[0]!r}; expected one of {', '.join(known)}")
        return replace(self, parts=tuple(known[name] for name in known if name in wanted))

    def notes(self, part: Part) -> list[Note]:
        """Return a part in seconds, in the order of time; no note begins or ends outside of the piece."""
        found = []
        for note in part.notes:
            start = max(0.0, self.timeline.time_s(note.bar, note.beat) + note.late_s)
            end = min(start + note.beats * self.timeline.beat_s(note.bar), self.seconds)
            if end > start:
                found.append(Note(start, end - start, note.pitch, note.velocity))
        return sorted(found)

    def section_starts(self) -> tuple[tuple[Section, int], ...]:
        """Return the sections, each with the bar that it begins at."""
        bar, found = 0, []
        for section in self.sections:
            found.append((section, bar))
            bar += section.bars
        return tuple(found)
