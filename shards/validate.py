"""Read a published dataset again and check that it is what it says."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import soundfile

from leitmotif.phrases import count as count_of
from leitmotif.shards.artists import artist_names
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.features import list_features, open_features
from leitmotif.shards.layout import find_shards, find_tables
from leitmotif.shards.manifest import Facts, find_changes, read_manifest
from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
from leitmotif.shards.splits import SPLITS
from leitmotif.shards.takedown import Blocklist, read_record
from leitmotif.shards.urls import canonical_url
from leitmotif.storage import parquet
from leitmotif.storage.errors import one_line

# The longest frame of a common sound codec (HE-AAC): so far may a header and the decoded sound differ.
FRAME_S = 2048 / 44_100
SIGNATURES = {"audio": b"fLaC", "frames": b"\xff\xd8\xff"}


def validate(dataset: Path) -> list[str]:
    """Check files, hashes, schema, counts, splits and media of a dataset.

    Args:
        dataset: A published folder.

    Returns:
        One line per problem; none where all is well.

    Raises:
        DatasetError: The folder is no dataset of this kind at all.
    """
    manifest = read_manifest(dataset)
    problems = list(_check_files(dataset, manifest["files"]))
    # What cannot be read cannot be looked into: the damaged files are named already.
    return problems or [
        *_check_records(dataset, manifest["counts"]),
        *_check_rows(dataset, manifest["counts"]),
        *_check_features(dataset),
        *_check_takedowns(dataset),
    ]


def _check_files(dataset: Path, files: dict[str, Facts]) -> Iterator[str]:
    yield from (change for _, change in find_changes(dataset, files))
    for path in sorted(dataset.glob("data/*")):
        if path.relative_to(dataset).as_posix() not in files:
            yield f"data/{path.name}: not in the manifest"


def _check_records(dataset: Path, counts: dict[str, Any]) -> Iterator[str]:
    for name, count, schema in (
        ("rejected", "rejected", REJECTED),
        ("quarantine", "quarantined", QUARANTINE),
    ):
        table = parquet.read_table(dataset / f"{name}.parquet")
        if not table.schema.equals(schema):
            yield f"{name}.parquet: columns {table.schema.names}, expected {schema.names}"
        if len(table) != counts[count]:
            yield f"{name}.parquet: {count_of(len(table), 'row')}, expected {counts[count]}"
    if counts["catalogued"] != counts["kept"] + counts["rejected"] + counts["quarantined"]:
        yield f"counts: kept, rejected and quarantined do not add up to catalogued: {counts}"
    if counts["kept"] != sum(counts["rows"].values()):
        yield f"counts: the splits hold {counts['rows']}, expected {counts['kept']} in all"


def _check_rows(dataset: Path, counts: dict[str, Any]) -> Iterator[str]:
    seen: dict[str, str] = {}
    owners: dict[tuple[str, str], str] = {}
    shards = find_shards(dataset)
    for split in dict.fromkeys([*SPLITS, *shards]):
        rows = 0
        for path in shards.get(split, ()):
            file = parquet.ParquetFile(path)
            yield from _check_schema(path.name, file.schema_arrow)
            rows += file.metadata.num_rows
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group).to_pylist():
                    yield from _check_row(f"{path.name} {row['clip_id']}", row)
                    if row["clip_id"] in seen:
                        yield f"{path.name}: {row['clip_id']} occurs again (first in {seen[row['clip_id']]})"
                    seen.setdefault(row["clip_id"], path.name)
                    yield from _check_leak(row, split, owners)
        if rows != counts["rows"].get(split, 0):
            yield f"split {split}: {count_of(rows, 'row')}, expected {counts['rows'].get(split, 0)}"


def _check_schema(name: str, found: pa.Schema) -> Iterator[str]:
    sizes = {}
    for column in ("clap_embedding", "clip_embedding"):
        kind = found.field(column).type if column in found.names else None
        sized = kind is not None and pa.types.is_fixed_size_list(kind)
        sizes[column.replace("_embedding", "_dim")] = kind.list_size if sized and kind else 1
    expected = shard_schema(**sizes)
    for field in expected:
        if field.name not in found.names:
            yield f"{name}: column {field.name} is missing"
        elif found.field(field.name).type != field.type:
            yield f"{name}: column {field.name} is {found.field(field.name).type}, expected {field.type}"
    if b"huggingface" not in (found.metadata or {}):
        yield f"{name}: the metadata that types audio and frames is missing"


def _check_row(name: str, row: dict[str, Any]) -> Iterator[str]:
    if not row["license"]:
        yield f"{name}: no licence; expected one, or 'unknown'"
    media = [("audio", row["audio"]), *(("frames", frame) for frame in row["frames"] or [])]
    for column, file in media:
        if not file or not (file["bytes"] or b"").startswith(SIGNATURES[column]):
            yield f"{name}: {column} holds no {'FLAC' if column == 'audio' else 'JPEG'} file"
        elif column == "audio":
            yield from _check_length(name, row["duration_s"], file["bytes"])


def _check_length(name: str, duration_s: float | None, sound: bytes) -> Iterator[str]:
    """Check that a row's `duration_s` is the length of its sound, to a frame."""
    try:
        found = soundfile.info(io.BytesIO(sound))
    except soundfile.LibsndfileError as error:
        yield f"{name}: audio cannot be read ({one_line(error)})"
        return
    sound_s = found.frames / found.samplerate
    if duration_s is None or abs(duration_s - sound_s) > FRAME_S:
        said = "nothing" if duration_s is None else f"{duration_s:.3f} s"
        yield f"{name}: duration_s says {said}, the sound in the row lasts {sound_s:.3f} s; publish again"


def _check_leak(row: dict[str, Any], split: str, owners: dict[tuple[str, str], str]) -> Iterator[str]:
    """Check that no artist, no source and no recording stands in two splits."""
    shared = [("artist", name) for name in artist_names(row["artist"])]
    shared += [("source", canonical_url(row["source_url"]))] if row["source_url"] else []
    shared += [("recording", row["recording_id"])] if row.get("recording_id") else []
    for kind, value in shared:
        if owners.setdefault((kind, value), split) != split:
            yield f"{kind} {value!r} stands in both {owners[kind, value]} and {split}"


def _check_features(dataset: Path) -> Iterator[str]:
    """Check that side tables of features are what the reader takes, and are about clips of the dataset."""
    folders = list_features(dataset)
    clip_ids = Dataset(dataset).table(columns=["clip_id"])["clip_id"].to_pylist() if folders else []
    for folder in folders:
        try:
            yield from open_features(dataset, folder.name).check(clip_ids)
        except DatasetError as error:
            yield str(error)


def _check_takedowns(dataset: Path) -> Iterator[str]:
    """Check that nothing is in the dataset that was taken down from it."""
    try:
        blocklist = Blocklist(read_record(dataset))
    except ValueError as error:
        yield str(error)
        return
    if not blocklist:
        return
    for path in find_tables(dataset):
        names = parquet.read_schema(path).names
        columns = [name for name in ("clip_id", "source_url") if name in names]
        for row in parquet.read_table(path, columns=columns).to_pylist():
            if blocklist.refuses(ids=(row.get("clip_id"),), urls=(row.get("source_url"),)):
                yield f"{path.relative_to(dataset)}: {row.get('clip_id')} was taken down, but is in it"
