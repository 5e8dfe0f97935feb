"""Writes a sound that was made of words, with a record beside it that says how it is made again."""

from __future__ import annotations

import hashlib
import io
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import soundfile

from leitmotif.generators.generator import Request
from leitmotif.generators.records import check_targets, holds, json_bytes
from leitmotif.storage.atomic import whole_file
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio

FORMATS = {".wav": "WAV", ".flac": "FLAC"}
RECORD = ".json"
# What tells such a record from any other file.
_MARKS = ("backend", "text", "seed", "sha256")


def places(names: list[str], out: Path) -> list[Path]:
    """Return where sounds go: one into a file, several into a folder, as .wav.

    Args:
        names: What each is called.
        out: A file, or the folder of several.

    Raises:
        UserError: A place does not fit, cannot be written, or is taken by something else.
    """
    if len(names) > 1 and out.suffix.lower() in FORMATS:
        raise UserError(f"got {out.name!r} for {len(names)} sounds; expected a folder")
    if out.suffix and out.suffix.lower() not in FORMATS:
        raise UserError(f"got {out.name!r} to write; expected a name ending in .wav or .flac, or a folder")
    found = [out] if out.suffix else [out / f"{name}.wav" for name in names]
    for sound in found:
        check_targets([sound], sound.with_suffix(RECORD), is_record, [])
    return found


def is_record(path: Path) -> bool:
    """Tell whether a file is the record of a sound that was made of words."""
    return holds(path, *_MARKS)


def write_sound(place: Path, audio: Audio, request: Request, facts: dict[str, Any]) -> dict[str, Any]:
    """Write a sound of 16 bits and its record, both or neither; return the record.

    Args:
        place: A .wav or .flac file; the record stands beside it as .json.
        audio: The sound.
        request: What was asked for.
        facts: Of what made it: backend, model, revision, licence, device.

    Raises:
        OSError: The disk refused.
    """
    buffer = io.BytesIO()
    form = FORMATS[place.suffix.lower()]
    soundfile.write(buffer, audio.samples.T, audio.rate_hz, format=form, subtype="PCM_16")
    record = {
        **facts,
        "text": request.prompt,
        "negative": request.negative_prompt,
        "seconds": request.seconds,
        "seed": request.seed,
        "rate_hz": audio.rate_hz,
        "channels": len(audio.samples),
        "file": place.name,
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "leitmotif": version("leitmotif-av"),
    }
    place.absolute().parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as whole:  # they take their places in the other order, the record last
        whole.enter_context(whole_file(place.with_suffix(RECORD))).write_bytes(json_bytes(record))
        whole.enter_context(whole_file(place)).write_bytes(buffer.getvalue())
    return record
