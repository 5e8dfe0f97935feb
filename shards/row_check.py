"""Checks rows of a shard one by one: names, numbers, and all sound and pictures in them.

It takes and returns plain values, so that it can be run in another process.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.shards.artists import artist_names
from leitmotif.shards.columns import EDITED_SOUNDS, MEDIA, SOUNDS
from leitmotif.shards.media_check import check_flac, check_jpeg
from leitmotif.shards.urls import canonical_url
from leitmotif.storage import parquet
from leitmotif.storage.errors import is_machine_fault, one_line
from leitmotif.storage.parquet import DamagedError
from leitmotif.taxonomy.labels import TAG_KINDS

EMBEDDINGS = ("clap_embedding", "clip_embedding")
# Of single precision: what is left of a length of 1 after a model's half precision.
_UNIT_WITHIN = 0.01
_SHARES = (
    *("motion", "text_share", "speech_share", "singing_share", "music_share"),
    *("voice_peak", "vocal_score", "vocal_clap", "vocal_tagger", "pam_score", "beat_confidence"),
)
_POSITIVE = ("duration_s", "width", "height", "fps", "tempo_bpm")


@dataclass(frozen=True)
class Row:
    """What is to be compared with other rows.

    Attributes:
        clip_id: The clip.
        links: Pairs of what must stand in no other split: its kind and its name.
    """

    clip_id: str
    links: list[tuple[str, str]]


@dataclass
class Checked:
    """What was found in some rows.

    Attributes:
        problems: A line each, which begins with the row's number in the shard.
        rows: The rows that could be read.
    """

    problems: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def check_rows(shard: str, group: int, first: int, start: int, stop: int, decode: Sequence[int]) -> Checked:
    """Check some rows of a row group.

    Args:
        shard: The file.
        group: Number of the row group.
        first: Number of its first row in the shard.
        start: Row of the group where to begin.
        stop: Row of the group before which to end.
        decode: Those rows of the group whose media are decoded; of the others they are not even read.
    """
    try:
        with parquet.ParquetFile(Path(shard)) as file:
            names = [name for name in file.schema_arrow.names if decode or name not in MEDIA]
            table = file.read_row_group(group, columns=names, use_threads=False)
    except DamagedError as error:
        return Checked([f"row group {group} cannot be read ({error.reason})"])
    except Exception as error:  # pyarrow raises what the bytes lead it to
        if is_machine_fault(error):
            raise
        return Checked([f"row group {group} cannot be read ({one_line(error)})"])
    found = Checked()
    numbers = table.select([name for name in table.column_names if name not in MEDIA])
    media = table.select([name for name in table.column_names if name in MEDIA])
    for place in range(start, min(stop, len(table))):
        try:
            row = numbers.slice(place, 1).to_pylist()[0]
            said = [*_check_names(row), *_check_numbers(row)]
            if place in decode:
                said += _check_media(row, media.slice(place, 1))
        except UnicodeDecodeError as error:
            found.problems.append(f"row {first + place}: a text of it is no UTF-8 ({error.reason})")
            continue
        found.problems += [f"row {first + place} ({row['clip_id']}): {problem}" for problem in said]
        if row["clip_id"]:
            found.rows.append(Row(row["clip_id"], list(_links(row))))
    return found


def _check_names(row: dict[str, Any]) -> Iterator[str]:
    if not row["clip_id"]:
        yield "no clip_id"
    if not row["license"]:
        yield "no licence; expected one, or 'unknown'"


def _check_numbers(row: dict[str, Any]) -> Iterator[str]:
    for name, value in row.items():
        strange = [number for number in _floats(value) if not math.isfinite(number)]
        if strange:
            yield f"{name} holds {strange[0]}" + (f" {len(strange)} times" if strange[1:] else "")
            continue
        if value is None:
            continue
        if name in EMBEDDINGS and abs((length := float(np.linalg.norm(value))) - 1) > _UNIT_WITHIN:
            yield f"{name} has the length {length:.3g}, expected 1"
        elif name in _SHARES and not 0 <= value <= 1:
            yield f"{name} is {value:g}, expected 0..1"
        elif name in _POSITIVE and value <= 0:
            yield f"{name} is {value:g}, expected more than 0"
        elif name in TAG_KINDS and any(not 0 <= tag["score"] <= 1 for tag in value):
            yield f"{name} has a score beyond 0..1"


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _floats(each)
    elif isinstance(value, dict):
        yield from _floats(list(value.values()))


def _check_media(row: dict[str, Any], media: pa.Table) -> Iterator[str]:
    """Check the sound and the pictures of one row, whose bytes are not copied."""
    clip_id = row["clip_id"]
    edited = EDITED_SOUNDS[0] in media.column_names
    for name in EDITED_SOUNDS if edited else SOUNDS:
        if name == "mix" and name not in media.column_names:  # of a dataset without it
            continue
        sound = media[name].combine_chunks()[0]
        if not sound.is_valid or not sound["bytes"].is_valid:
            yield f"{name} holds no FLAC file"
            continue
        called = f"{clip_id}-{name.removesuffix('_audio')}.flac" if edited else f"{clip_id}.flac"
        if (path := sound["path"].as_py()) not in (None, called):
            yield f"{name} is called {path!r}, expected {called!r}: that of another clip"
        yield from check_flac(sound["bytes"].as_buffer(), row["duration_s"], name)
    if edited:
        return
    frames = media["frames"].combine_chunks()[0]
    for number, frame in enumerate(frames if frames.is_valid else ()):
        said = f"frame {number}"
        if not frame.is_valid or not frame["bytes"].is_valid:
            yield f"{said} holds no JPEG file"
            continue
        if (path := frame["path"].as_py()) is not None and not path.startswith(f"{clip_id}-"):
            yield f"{said} is called {path!r}, expected '{clip_id}-…': that of another clip"
        yield from (f"{said} {problem}" for problem in check_jpeg(frame["bytes"].as_buffer()))


def _links(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a row must not share with another split: artists, source, recording."""
    yield from (("artist", name) for name in artist_names(row["artist"]))
    if row["source_url"]:
        yield "source", canonical_url(row["source_url"])
    if row.get("recording_id"):
        yield "recording", row["recording_id"]
