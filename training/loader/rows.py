"""Read chosen rows of a split by column, a row group at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.shards.columns import SOUNDS
from leitmotif.shards.feature_rows import value_of
from leitmotif.shards.features import Features
from leitmotif.shards.row_groups import RowGroup, Split

ID = "clip_id"
# Only the bytes of a media file are read, not its path.
_LEAVES = {name: f"{name}.bytes" for name in SOUNDS} | {"frames": "frames.list.element.bytes"}


class RowReader:
    """Gives each wanted row once, in any order, and holds a row in memory only until it is taken.

    A row group is read when a row of it is first asked for; its other wanted rows wait as bytes.
    """

    def __init__(
        self, split: Split, columns: Sequence[str], wanted: np.ndarray, features: Sequence[Features] = ()
    ) -> None:
        """Say what will be asked for.

        Args:
            split: Split that the rows come from.
            columns: Columns to read, beside `clip_id`.
            wanted: Numbers of the rows, int64 (n,).
            features: Side tables whose columns each row has besides, under their name.
        """
        self.split, self.features = split, features
        self.columns = list(dict.fromkeys([ID, *columns]))
        self.starts = [group.rows.start for group in split.groups]
        self.wanted = np.zeros(split.rows, bool)
        self.wanted[wanted] = True
        self.waiting: dict[int, dict[str, Any]] = {}

    def take(self, row: int) -> dict[str, Any]:
        """Return a row; `audio` and `mix` are bytes and `frames` a list of bytes.

        Raises:
            DatasetError: The shard cannot be read.
        """
        if row not in self.waiting:
            self._read(self.group(row))
        return self.waiting.pop(row)

    def group(self, row: int) -> RowGroup:
        """Return the row group that holds a row."""
        return self.split.groups[bisect_right(self.starts, row) - 1]

    def place(self, row: int, clip_id: str) -> str:
        """Name a row for a person: its shard, its number in there, its clip."""
        group = self.group(row)
        return f"{group.shard.name} row {group.first + row - group.rows.start} (clip_id {clip_id})"

    def _read(self, group: RowGroup) -> None:
        table = group.read([_LEAVES.get(name, name) for name in self.columns], threads=False)
        keep = np.flatnonzero(self.wanted[group.rows.start : group.rows.stop])
        table = table.select(self.columns)
        if len(keep) < len(table):
            table = table.take(keep)
        numbers = (keep + group.rows.start).tolist()
        for number, row in zip(numbers, table.to_pylist(), strict=True):
            self.waiting[number] = _without_paths(row)
        for features in self.features:
            joined = features.join(table[ID].to_pylist())
            for place, number in enumerate(numbers):
                self.waiting[number][features.name] = _values(joined, place)


def _values(table: pa.Table, place: int) -> dict[str, Any] | None:
    """Return a row of a side table; None where all of it is null, as of a clip that it lacks."""
    found = {name: table[name][place] for name in table.column_names}
    return (
        {name: value_of(one) for name, one in found.items()}
        if any(one.is_valid for one in found.values())
        else None
    )


def _without_paths(row: dict[str, Any]) -> dict[str, Any]:
    """Replace the structs of media files by their bytes; none are no bytes, which no decoder takes."""
    for name in SOUNDS:
        if row.get(name):
            row[name] = row[name]["bytes"] or b""
    if row.get("frames"):
        row["frames"] = [(frame or {}).get("bytes") or b"" for frame in row["frames"]]
    return row
