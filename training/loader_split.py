"""The shards of one split of a published dataset, and the row groups in them."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leitmotif.phrases import command
from leitmotif.shards.manifest import MANIFEST

SEED = "seed"
_SHARD = re.compile(r"data/(?P<split>.+)-\d{5}-of-\d{5}\.parquet")


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
    columns: tuple[str, ...]
    fingerprint: str
    """Changes with any byte of any shard."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.groups[-1].rows.stop


def open_split(dataset: str | Path, name: str) -> Split:
    """Find the shards of a split and read their footers.

    Args:
        dataset: A folder that `leitmotif publish` wrote.
        name: Of the split.

    Returns:
        The split; it has at least one row.

    Raises:
        LoaderError: No dataset, no such split, a split without rows, or a shard that is missing or damaged.
    """
    dataset = Path(dataset)
    files = _read_files(dataset)
    shards: dict[str, list[str]] = {}
    for file in sorted(files):
        if match := _SHARD.fullmatch(file):
            shards.setdefault(match["split"], []).append(file)
    rows = {split: sum(files[file]["rows"] for file in found) for split, found in shards.items()}
    known = ", ".join(f"{split} ({count} rows)" for split, count in rows.items()) or "none"
    if name not in shards:
        raise LoaderError(f"{str(dataset)!r} has no split {name!r}; it has {known}")
    footers = {file: _read_footer(dataset / file, files[file]["size_bytes"]) for file in shards[name]}
    groups: list[Group] = []
    for file, footer in footers.items():
        if footer.schema != footers[shards[name][0]].schema:
            raise LoaderError(f"{file} has other columns than {shards[name][0]}; {_advice(dataset / file)}")
        groups += _list_groups(dataset / file, footer, groups[-1].rows.stop if groups else 0)
    if not groups:
        raise LoaderError(f"split {name!r} of {str(dataset)!r} holds no rows; the splits are {known}")
    facts = json.dumps([name, [[file, files[file]["sha256"]] for file in shards[name]]])
    return Split(
        name,
        tuple(groups),
        tuple(footers[shards[name][0]].schema.to_arrow_schema().names),
        hashlib.blake2b(facts.encode(), digest_size=16).hexdigest(),
    )


def check_columns(split: Split, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns, each once.

    Raises:
        LoaderError: There is none, or the split does not have one.
    """
    if isinstance(columns, str):
        raise LoaderError(f"got columns {columns!r}; expected a list of names, as in [{columns!r}]")
    if not columns:
        raise LoaderError("got no columns; name those that are needed, as in ['clip_id', 'audio']")
    for column in columns:
        if column not in (*split.columns, SEED):
            near = " or ".join(map(repr, difflib.get_close_matches(column, split.columns)))
            hint = f"did you mean {near}?" if near else f"it has {', '.join(split.columns)}"
            raise LoaderError(f"the dataset has no column {column!r}; {hint}")
    return tuple(dict.fromkeys(columns))


def _read_files(dataset: Path) -> dict[str, dict[str, Any]]:
    """Size, hash and rows of every Parquet shard, by its path in the dataset."""
    try:
        files = json.loads((dataset / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {
            file: {name: facts[name] for name in ("size_bytes", "sha256", "rows")}
            for file, facts in files.items()
            if _SHARD.fullmatch(file)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoaderError(
            f"{str(dataset)!r} has no readable {MANIFEST}; give a folder that `leitmotif publish` wrote"
        ) from error


def _read_footer(shard: Path, size_bytes: int) -> pq.FileMetaData:
    try:
        found = shard.stat().st_size
        if found != size_bytes:
            raise LoaderError(
                f"shard {shard.name} has {found} bytes, expected {size_bytes}; {_advice(shard)}"
            )
        return pq.read_metadata(shard)
    except OSError as error:
        raise LoaderError(
            f"shard {shard.name} cannot be opened ({error.strerror}); {_advice(shard)}"
        ) from error
    except pa.ArrowException as error:
        raise LoaderError(f"shard {shard.name} is no readable Parquet file; {_advice(shard)}") from error


def _list_groups(shard: Path, footer: pq.FileMetaData, start: int) -> list[Group]:
    groups = []
    first = 0
    for number in range(footer.num_row_groups):
        size = footer.row_group(number).num_rows
        if size:
            groups.append(Group(shard, number, range(start + first, start + first + size), first))
        first += size
    return groups


def _advice(shard: Path) -> str:
    return f"run `{command('validate', shard.parents[1])}`, and publish or copy it again"
