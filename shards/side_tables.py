"""What became of the clips that are in no shard, and the numbers of all: the tables beside the shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.shards.errors import reading
from leitmotif.shards.layout import MEASURED_FILE
from leitmotif.shards.renamed import table_with_stages_now
from leitmotif.shards.schema import SIDE_TABLES
from leitmotif.storage import parquet

SideTable = Literal["rejected", "quarantine"]


def read_side_table(dataset: Path, name: SideTable, columns: Sequence[str] | None = None) -> pa.Table:
    """Return what became of the clips that are in no shard; empty where the dataset lacks the file.

    Args:
        dataset: Folder of the dataset.
        name: Name of the table.
        columns: Names of columns; all by default.

    Raises:
        DatasetError: The file is damaged, or lacks a column.
    """
    path, schema = dataset / f"{name}.parquet", SIDE_TABLES[name]
    chosen = list(schema.names if columns is None else columns)
    if not path.is_file():
        return schema.empty_table().select(chosen)
    with reading(dataset, path.name):
        return table_with_stages_now(parquet.read_table(path, columns=chosen), "stage")


def count_side_rows(dataset: Path, name: SideTable) -> int:
    """Return how many rows a side table has, from its footer; 0 where the dataset lacks the file."""
    path = dataset / f"{name}.parquet"
    with reading(dataset, path.name):
        return parquet.read_metadata(path).num_rows if path.is_file() else 0


def read_side_schemas(dataset: Path) -> dict[str, pa.Schema]:
    """Return the schema of each of rejected, quarantine and measured that the dataset has."""
    found = {}
    for path in (dataset / f"{name}.parquet" for name in (*SIDE_TABLES, "measured")):
        if path.is_file():
            with reading(dataset, path.name):
                found[path.stem] = parquet.read_schema(path)
    return found


def read_measured(dataset: Path, *, kept: int) -> pa.Table | None:
    """Return length, fate and numbers of every clip from measured.parquet, which is there.

    None where its clips are not those of the shards and side tables any more.

    Args:
        dataset: Folder of the dataset.
        kept: Rows of all its shards.
    """
    path = dataset / MEASURED_FILE
    counts = {
        "kept": kept,
        "rejected": count_side_rows(dataset, "rejected"),
        "quarantined": count_side_rows(dataset, "quarantine"),
    }
    with reading(dataset, path.name):
        table = table_with_stages_now(parquet.read_table(path), "step", "stopped_at")
    found = dict(
        zip(*(column.to_pylist() for column in pc.value_counts(table["fate"]).flatten()), strict=True)
    )
    return table if found == {fate: count for fate, count in counts.items() if count} else None
