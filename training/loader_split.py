"""The shards of one split of a published dataset, and the row groups in them."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shards.manifest import MANIFEST
from shards.schema import shard_schema

SEED = "seed"
_SHARD = re.compile(r"data/(?P<split>.+)-\d{5}-of-\d{5}\.parquet")
_COLUMNS = tuple(shard_schema(clap_dim=1, clip_dim=1).names)


class LoaderError(ValueError):
    """A dataset, a state or a row that the loader cannot use; one line: got, expected, what to do."""


@dataclass(frozen=True)
class Group:
    """A row group: the unit in which a shard is read."""

    shard: Path
    number: int
    rows: range
    """Its rows, counted over the whole split."""
    first: int
    """The number of its first row within the shard."""


@dataclass(frozen=True)
class Split:
    """The rows of a split, as row groups in the order of the shards."""

    name: str
    groups: tuple[Group, ...]
    fingerprint: str
    """Changes with any byte of any shard."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.groups[-1].rows.stop


def open_split(dataset: Path, name: str) -> Split:
    """Find the shards of a split and read their footers.

    Args:
        dataset: A folder that `leitmotif publish` wrote.
        name: Of the split.

    Returns:
        The split; it has at least one row.

    Raises:
        LoaderError: No dataset, no such split, a split without rows, or a shard that is missing or damaged.
    """
    files = _read_files(dataset)
    shards: dict[str, list[str]] = {}
    for file in sorted(files):
        if match := _SHARD.fullmatch(file):
            shards.setdefault(match["split"], []).append(file)
    rows = {split: sum(files[file]["rows"] for file in found) for split, found in shards.items()}
    known = ", ".join(f"{split} ({count} rows)" for split, count in rows.items()) or "none"
    if name not in shards:
        raise LoaderError(f"{str(dataset)!r} has no split {name!r}; it has {known}")
    if not rows[name]:
        raise LoaderError(f"split {name!r} of {str(dataset)!r} holds no rows; the splits are {known}")
    groups: list[Group] = []
    for file in shards[name]:
        start = groups[-1].rows.stop if groups else 0
        groups += _read_groups(dataset / file, files[file], start)
    facts = json.dumps([name, [[file, files[file]["sha256"]] for file in shards[name]]])
    return Split(name, tuple(groups), hashlib.blake2b(facts.encode(), digest_size=16).hexdigest())


def check_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns, each once.

    Raises:
        LoaderError: There is none, or one is unknown.
    """
    if not columns:
        raise LoaderError("got no columns; name those that are needed, as in columns=['clip_id', 'audio']")
    for column in columns:
        if column not in (*_COLUMNS, SEED):
            near = difflib.get_close_matches(column, _COLUMNS, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"expected {', '.join(_COLUMNS)}"
            raise LoaderError(f"unknown column {column!r}; {hint}")
    return tuple(dict.fromkeys(columns))


def _read_files(dataset: Path) -> Mapping[str, Any]:
    try:
        files = json.loads((dataset / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise LoaderError(
            f"{str(dataset)!r} has no readable {MANIFEST}; give a folder that `leitmotif publish` wrote"
        ) from error
    return dict(files)


def _read_groups(shard: Path, facts: Mapping[str, Any], start: int) -> list[Group]:
    advice = "run `leitmotif validate` on the dataset and publish it again or copy it again"
    try:
        if shard.stat().st_size != facts["size_bytes"]:
            raise LoaderError(
                f"shard {shard.name} has {shard.stat().st_size} bytes, expected {facts['size_bytes']}; {advice}"
            )
        footer = pq.read_metadata(shard)
    except FileNotFoundError as error:
        raise LoaderError(f"shard {shard.name} is missing; {advice}") from error
    except pa.ArrowInvalid as error:
        raise LoaderError(f"shard {shard.name} is no readable Parquet file; {advice}") from error
    groups = []
    first = 0
    for number in range(footer.num_row_groups):
        size = footer.row_group(number).num_rows
        if size:
            groups.append(Group(shard, number, range(start + first, start + first + size), first))
        first += size
    return groups
