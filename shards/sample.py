"""A seeded sample of rows that lies in few places, so that wide columns are read in few places only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from leitmotif.storage import parquet

RUNS = 5
METHOD = (
    f"{RUNS} evenly spread runs of consecutive rows, from a seeded start; rows of a split stand in hash order"
)
_BATCH_ROWS = 4096


def choose_rows(total: int, count: int, seed: int) -> np.ndarray:
    """Choose rows, each with the same probability.

    Args:
        total: Rows that there are.
        count: Rows that are wanted; all where there are no more.
        seed: Draws the place of the first run.

    Returns:
        Row numbers, ascending, shape (min(total, count),).
    """
    if total <= count:
        return np.arange(total)
    start = int(np.random.default_rng(seed).integers(total))
    ends = np.arange(RUNS + 1) * count // RUNS
    runs = [
        start + number * total // RUNS + np.arange(ends[number + 1] - ends[number]) for number in range(RUNS)
    ]
    return np.sort(np.concatenate(runs) % total)


def read_rows(file: parquet.ParquetFile, rows: np.ndarray, columns: Sequence[str]) -> pa.Table:
    """Read some columns of some rows, from the row groups that hold them.

    Args:
        file: The file.
        rows: Row numbers, ascending, shape (n,).
        columns: Names of columns.
    """
    schema = pa.schema([file.schema_arrow.field(name) for name in columns])
    tables = [schema.empty_table()]
    start = 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        wanted = rows[(rows >= start) & (rows < end)]
        if len(wanted):
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=list(columns)):
                here = wanted[(wanted >= start) & (wanted < start + batch.num_rows)] - start
                tables.append(pa.Table.from_batches([batch]).select(schema.names).take(pa.array(here)))
                start += batch.num_rows
        start = end
    return pa.concat_tables([table.cast(schema) for table in tables])
