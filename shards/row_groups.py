"""A split as row groups: the unit in which shards are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from leitmotif.shards.errors import DatasetError, reading
from leitmotif.storage import parquet


@dataclass(frozen=True)
class RowGroup:
    """A row group of a shard.

    Attributes:
        shard: The file.
        number: Number of the group in the file.
        rows: Rows of the group, counted over the whole split.
        first: The number of its first row within the shard.
    """

    shard: Path
    number: int
    rows: range
    first: int

    def read(self, columns: Sequence[str], *, threads: bool = True) -> pa.Table:
        """Return some columns of its rows.

        Args:
            columns: Their names; a part of a nested one is named as Parquet does, as in `audio.bytes`.
            threads: Decode with several.

        Raises:
            DatasetError: The shard is missing, damaged, or another one than it was.
        """
        dataset = self.shard.parents[1]
        what = f"shard {self.shard.name}, row group {self.number}"
        with reading(dataset, what), parquet.ParquetFile(self.shard) as file:
            table = file.read_row_group(self.number, columns=list(columns), use_threads=threads)
        if len(table) != len(self.rows):
            raise DatasetError(
                f"{what} has {len(table)} rows, expected {len(self.rows)}; the dataset was changed while it "
                "is read"
            )
        return table


@dataclass(frozen=True)
class Split:
    """The rows of a split, as row groups in the order of the shards; small enough to be sent to workers.

    Attributes:
        name: Name of the split.
        groups: Row groups that have rows.
        columns: Names of the columns.
        fingerprint: Changes with any byte of any shard.
    """

    name: str
    groups: tuple[RowGroup, ...]
    columns: tuple[str, ...]
    fingerprint: str

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.groups[-1].rows.stop if self.groups else 0


def list_groups(shards: Sequence[Path], footers: Sequence[parquet.FileMetaData]) -> tuple[RowGroup, ...]:
    """Return the row groups that have rows, in order.

    Args:
        shards: Files of one split.
        footers: Footer of each shard.
    """
    groups: list[RowGroup] = []
    start = 0
    for shard, footer in zip(shards, footers, strict=True):
        first = 0
        for number in range(footer.num_row_groups):
            size = footer.row_group(number).num_rows
            if size:
                rows = range(start + first, start + first + size)
                groups.append(RowGroup(shard, number, rows, first))
            first += size
        start += first
    return tuple(groups)
