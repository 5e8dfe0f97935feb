"""Changes levels in a recording: of all of it, or of stems; what lies outside a section keeps every bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.generators.editing.edit import EVERYTHING, Edit
from leitmotif.generators.editing.recording import Recording
from leitmotif.generators.editing.stems import stems_of
from leitmotif.separation.separator import Separator, instrumental, separate_blocks
from leitmotif.separation.voice_level import VoiceMeter

# A change of level begins and ends so softly that nothing clicks, inside its section.
FADE_S = 0.05
_BLOCK_S = 20.0
OnProgress = Callable[[float], None]
"""Is told which share is done, 0..1."""


@dataclass(frozen=True)
class Placed:
    """An edit in a recording.

    Attributes:
        edit: The edit.
        start: Sample where its section begins.
        end: Sample behind its section.
    """

    edit: Edit
    start: int
    end: int


@dataclass(frozen=True)
class Changed:
    """What became of a recording of which stems were changed.

    Attributes:
        voice_db: The level of the voice over the rest, in dB, where it is highest of what was separated.
        levels_db: By the number of an edit, the level that its stems had in its section, dB of full scale;
            None of silence.
    """

    voice_db: float
    levels_db: dict[int, float | None]


def place(edits: Sequence[Edit], recording: Recording) -> list[Placed]:
    """Return edits where they are in a recording.

    Raises:
        UserError: It has no such section.
    """
    found = []
    for edit in edits:
        start_s, end_s = edit.section.bounds(recording.seconds)
        start, end = (round(time_s * recording.rate_hz) for time_s in (start_s, end_s))
        found.append(Placed(edit, start, min(end, recording.samples.shape[1])))
    return found


def envelope(placed: Placed, start: int, count: int, samples: int, rate_hz: int) -> np.ndarray:
    """Return what an edit multiplies its target by, shape (count,).

    It is 1 outside the section, and rises or falls within it over `FADE_S`, but where the recording begins
    or ends.

    Args:
        placed: An edit that changes a level.
        start: First sample.
        count: How many.
        samples: Length of the recording.
        rate_hz: Sampling rate.
    """
    gain_db = placed.edit.gain_db
    assert gain_db is not None
    gain = 10 ** (gain_db / 20)
    at = np.arange(start, start + count)
    inside = (at >= placed.start) & (at < placed.end)
    fade = max(1, min(round(FADE_S * rate_hz), (placed.end - placed.start) // 2))
    share = inside.astype(np.float64)
    if placed.start > 0:
        share *= np.clip((at - placed.start + 1) / (fade + 1), 0.0, 1.0)
    if placed.end < samples:
        share *= np.clip((placed.end - at) / (fade + 1), 0.0, 1.0)
    return 1.0 + (gain - 1.0) * share


def change_stems(
    recording: Recording,
    placed: Sequence[Placed],
    separator: Separator,
    name: str,
    on_progress: OnProgress = lambda share: None,
) -> Changed:
    """Change the levels of stems of a recording, in its place.

    Only what lies around the sections is separated.

    Args:
        recording: The recording.
        placed: Edits of stems.
        separator: A loaded separator.
        name: What it is called.
        on_progress: Is told how far it is.

    Raises:
        UserError: The separator has no such stem.
    """
    names = separator.stems
    energies = [0.0] * len(placed)
    chosen = [(each, stems_of(each.edit, names, name)) for each in placed]
    rate_hz, samples = recording.rate_hz, recording.samples.shape[1]
    around = round(separator.chunk_s * rate_hz)
    first = max(0, min(each.start for each in placed) - around)
    last = min(samples, max(each.end for each in placed) + around)
    meter, at = VoiceMeter(rate_hz), first
    for stems in separate_blocks(recording.blocks(first, last), separator, rate_hz):
        count = stems.shape[-1]
        music = instrumental(stems, names)
        meter.add(music, stems.sum(axis=0) - music)
        for index, (each, touched) in enumerate(chosen):
            inside = slice(max(each.start - at, 0), max(each.end - at, 0))
            target = sum(stems[names.index(stem)][:, inside] for stem in touched)
            energies[index] += float(np.square(target, dtype=np.float64).sum())
        delta = np.zeros((2, count))
        for number, stem in enumerate(names):
            gain = np.ones(count)
            for each, touched in chosen:
                if stem in touched:
                    gain *= envelope(each, at, count, samples, rate_hz)
            delta += (gain - 1.0) * stems[number]
        # Nothing is added where nothing changes, so that not a bit does.
        recording.samples[:, at : at + count] += delta.astype(np.float32)
        at += count
        on_progress((at - first) / max(last - first, 1))
    levels = {
        index: _level_db(energy, each)
        for index, (energy, each) in enumerate(zip(energies, placed, strict=True))
    }
    return Changed(meter.voice_db, levels)


def _level_db(energy: float, placed: Placed) -> float | None:
    return 10 * float(np.log10(energy / (2 * (placed.end - placed.start)))) if energy > 0 else None


def change_whole(recording: Recording, placed: Sequence[Placed]) -> None:
    """Change the level of all of a recording, in its place."""
    samples = recording.samples.shape[1]
    size = round(_BLOCK_S * recording.rate_hz)
    for each in placed:
        for start in range(each.start, each.end, size):
            count = min(size, each.end - start)
            gain = envelope(each, start, count, samples, recording.rate_hz)
            recording.samples[:, start : start + count] *= gain.astype(np.float32)


def is_whole(edit: Edit) -> bool:
    """Tell whether an edit changes the level of all that sounds."""
    return edit.target == EVERYTHING and not edit.but
