"""A split as trainers read it: whole as the manifest says, and known by its fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leitmotif.shards.errors import DatasetError, advice, reading
from leitmotif.shards.layout import DATA
from leitmotif.shards.row_groups import Split, list_groups
from leitmotif.storage import parquet


def check_sizes(dataset: Path, shards: Sequence[Path], files: Mapping[str, Any]) -> None:
    """Compare the sizes of shards with the manifest.

    Args:
        dataset: Folder of the dataset.
        shards: Some of its shards.
        files: What the manifest says of each file.

    Raises:
        DatasetError: A shard is missing, or longer or shorter than the manifest says.
    """
    for shard in shards:
        expected = files[f"{DATA}/{shard.name}"]["size_bytes"]
        with reading(dataset, f"shard {shard.name}"):
            found = shard.stat().st_size
        if found != expected:
            raise DatasetError(
                f"shard {shard.name} has {found} bytes, expected {expected}; {advice(dataset)}"
            )


def open_split(
    dataset: Path,
    name: str,
    splits: Mapping[str, Sequence[Path]],
    footers: Sequence[parquet.FileMetaData],
    files: Mapping[str, Any],
) -> Split:
    """Return a split of which every shard has the same columns.

    Args:
        dataset: Folder of the dataset.
        name: Name of the split.
        splits: Shards of every split.
        footers: Footer of each shard of this split.
        files: What the manifest says of each file.

    Raises:
        DatasetError: The shards differ in their columns, or hold no row.
    """
    shards = splits[name]
    for shard, footer in zip(shards, footers, strict=True):
        if footer.schema != footers[0].schema:
            raise DatasetError(f"{shard.name} has other columns than {shards[0].name}; {advice(dataset)}")
    groups = list_groups(shards, footers)
    if not groups:
        rows = {split: _count_rows(found, files) for split, found in splits.items()}
        known = ", ".join(f"{split} ({count} rows)" for split, count in rows.items())
        raise DatasetError(f"split {name!r} of {str(dataset)!r} holds no rows; the splits are {known}")
    columns = tuple(footers[0].schema.to_arrow_schema().names)
    return Split(name, groups, columns, split_fingerprint(name, shards, files))


def split_fingerprint(split: str, shards: Sequence[Path], files: Mapping[str, Any]) -> str:
    """Return what changes with any byte of any shard of a split.

    Args:
        split: Name of the split.
        shards: Its shards.
        files: What the manifest says of each file.
    """
    names = [f"{DATA}/{shard.name}" for shard in shards]
    facts = json.dumps([split, [[name, files[name]["sha256"]] for name in names]])
    return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()


def _count_rows(shards: Sequence[Path], files: Mapping[str, Any]) -> int:
    return sum(files[f"{DATA}/{shard.name}"]["rows"] for shard in shards)
