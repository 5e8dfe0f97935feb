"""The sound of a score, part by part and block by block: hours take no more memory than a minute."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leitmotif.generators.arranger.score import Part, Score
from leitmotif.music.sampler import play_samples
from leitmotif.music.score import Note

BLOCK_S = 20.0
# What rings on after the last note of a block: releases of the font are 2 s at most, cymbals ring longer.
_RELEASE_S, _CYMBAL_S = 1.5, 4.0


def stem_blocks(score: Score, part: Part, rate_hz: int) -> Iterator[np.ndarray]:
    """Yield the sound of a part in blocks of `BLOCK_S`, float32 (2, n), together as long as the piece.

    Args:
        score: The piece.
        part: One of its parts.
        rate_hz: Sampling rate.
    """
    total = round(score.seconds * rate_hz)
    size = round(BLOCK_S * rate_hz)
    notes = score.notes(part)
    ringing = np.zeros((2, 0), np.float32)
    at = 0
    for start in range(0, total, size):
        count = min(size, total - start)
        begin_s, end_s = start / rate_hz, (start + count) / rate_hz
        own = []
        while at < len(notes) and notes[at].start_s < end_s:
            note = notes[at]
            own.append(Note(note.start_s - begin_s, note.duration_s, note.pitch, note.velocity))
            at += 1
        sound = _sound(own, part, count, rate_hz)
        width = max(sound.shape[1], ringing.shape[1], count)
        whole = np.zeros((2, width), np.float32)
        whole[:, : sound.shape[1]] += sound
        whole[:, : ringing.shape[1]] += ringing
        ringing = whole[:, count:]
        yield whole[:, :count]


def stem(score: Score, name: str, rate_hz: int) -> np.ndarray:
    """Return the whole sound of a part by its name, float32 (2, n), as it is before the mix.

    Raises:
        UserError: There is no such part.
    """
    (part,) = score.only([name]).parts
    return np.concatenate(list(stem_blocks(score, part, rate_hz)), axis=1)


def _sound(notes: list[Note], part: Part, count: int, rate_hz: int) -> np.ndarray:
    """Return notes with all that rings on behind a block, float32 (2, n), n at least that of the block."""
    if not notes:
        return np.zeros((2, count), np.float32)
    rest_s = _CYMBAL_S if part.drums else _RELEASE_S
    end = round((max(note.start_s + note.duration_s for note in notes) + rest_s) * rate_hz)
    return play_samples(
        notes, program=part.program, drums=part.drums, samples=max(end, count), rate_hz=rate_hz
    )
