"""Read chosen rows of a split by column, a row group at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from leitmotif.shards.row_groups import RowGroup, Split

ID = "clip_id"
# Only the bytes of a media file are read, not its path.
_LEAVES = {"audio": "audio.bytes", "frames": "frames.list.element.bytes"}


class RowReader:
    """Gives each of the wanted rows once, in any order, and keeps a row in memory only until it is asked for.

    A row group is read when a row of it is first asked for; its other wanted rows wait as bytes.
    """

    def __init__(self, split: Split, columns: Sequence[str], wanted: np.ndarray) -> None:
        """Say what will be asked for.

        Args:
            split: Whose rows.
            columns: To read, beside `clip_id`.
            wanted: Numbers of the rows, int64 (n,).
        """
        self.split = split
        self.columns = list(dict.fromkeys([ID, *columns]))
        self.starts = [group.rows.start for group in split.groups]
        self.wanted = np.zeros(split.rows, bool)
        self.wanted[wanted] = True
        self.waiting: dict[int, dict[str, Any]] = {}

    def take(self, row: int) -> dict[str, Any]:
        """Return a row; `audio` is bytes and `frames` a list of bytes.

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
        for number, row in zip((keep + group.rows.start).tolist(), table.to_pylist(), strict=True):
            self.waiting[number] = _without_paths(row)


def _without_paths(row: dict[str, Any]) -> dict[str, Any]:
    """Replace the structs of media files by their bytes; none are no bytes, which no decoder takes."""
    if row.get("audio"):
        row["audio"] = row["audio"]["bytes"] or b""
    if row.get("frames"):
        row["frames"] = [(frame or {}).get("bytes") or b"" for frame in row["frames"]]
    return row
