"""Writes an edited recording, with a record beside it that says what was understood and done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from leitmotif.generators.arranger.mastering import limited
from leitmotif.generators.editing.recording import Recording
from leitmotif.generators.records import check_targets, holds, json_bytes
from leitmotif.generators.text_to_audio.output import FORMATS, RECORD
from leitmotif.storage.atomic import check_growing, whole_file
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import UserError

# What tells such a record from any other file.
_MARKS = ("instruction", "edits", "sha256")
# A WAV file counts its bytes in 32 bits; beyond, RF64 is the same with room.
_WAV_BYTES, _SAMPLE_BYTES = (1 << 32) - (1 << 16), 2 * 3


def check_out(out: Path, recording: Path) -> None:
    """Refuse a place that cannot be written, or that something else has.

    Raises:
        UserError: With the reason.
    """
    if out.suffix.lower() not in FORMATS:
        raise UserError(f"got {out.name!r} to write; expected a name ending in .wav or .flac")
    check_targets([out], out.with_suffix(RECORD), is_edit_record, [recording])


def is_edit_record(path: Path) -> bool:
    """Tell whether a file is the record of an edited recording."""
    return holds(path, *_MARKS)


def sample_peaks(sound: np.ndarray) -> np.ndarray:
    """Return the greater of both channels at each sample, shape (2, n) to (n,)."""
    return np.asarray(np.abs(sound).max(axis=0))


def write_edited(out: Path, recording: Recording, facts: dict[str, Any]) -> dict[str, Any]:
    """Write a recording in 24 bits and its record, both or neither; return the record.

    Samples beyond full scale are held by a limiter, which leaves all others as they are.

    Args:
        out: A .wav or .flac file; the record stands beside it as .json.
        recording: The recording.
        facts: What the record says beside what is measured here.

    Raises:
        OSError: The disk refused.
    """
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    form = FORMATS[out.suffix.lower()]
    if form == "WAV" and recording.samples.shape[1] * _SAMPLE_BYTES > _WAV_BYTES:
        form = "RF64"
    with ExitStack() as whole:  # they take their places in the other order, the record last
        beside_record = whole.enter_context(whole_file(out.with_suffix(RECORD)))
        beside = whole.enter_context(whole_file(out))
        peak = max(float(np.abs(block).max()) for block in recording.blocks())
        try:
            with soundfile.SoundFile(
                beside, "w", samplerate=recording.rate_hz, channels=2, format=form, subtype="PCM_24"
            ) as file:
                for block in _within_full_scale(recording, peak):
                    file.write(block.T)
        except soundfile.LibsndfileError:
            check_growing(beside)  # which says what the disk refused
            raise
        record = {
            **facts,
            "seconds": round(recording.seconds, 3),
            "rate_hz": recording.rate_hz,
            "limited_db": round(max(0.0, 20 * float(np.log10(max(peak, 1e-9)))), 2),
            "file": out.name,
            "sha256": sha256_of(beside),
            "leitmotif": version("leitmotif-av"),
        }
        beside_record.write_bytes(json_bytes(record))
    return record


def _within_full_scale(recording: Recording, peak: float) -> Iterator[np.ndarray]:
    if peak <= 1.0:
        return recording.blocks()
    return limited(recording.samples, recording.rate_hz, 0.0, 0.0, peaks=sample_peaks)
