"""Columns of many rows, as tables of which several fit into a memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from leitmotif.shards.errors import reading
from leitmotif.storage import parquet
from leitmotif.taxonomy.labels import TAG_KINDS

BATCH_ROWS = 32_768
# Columns of few texts, read as the dictionaries that Parquet stores them in.
_REPEATED = (
    *(f"{kind}.list.element.tag" for kind in TAG_KINDS),
    *("models.list.element.backend", "models.list.element.model"),
    *("license", "key", "tempo_class", "caption_backend", "caption_prompt"),
)


def stream_tables(dataset: Path, shards: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield some columns of shards.

    Args:
        dataset: Folder of the dataset.
        shards: Some of its shards.
        columns: Names of columns that they have.

    Yields:
        Tables of about `BATCH_ROWS` rows, one chunk per column. Small row groups are joined, so that the
        work on a table is not lost in the cost of starting it. Texts that repeat may be dictionaries.
    """
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in _batches(dataset, shards, columns):
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            yield pa.Table.from_batches(waiting).combine_chunks()
            waiting, rows = [], 0
    if rows:
        yield pa.Table.from_batches(waiting).combine_chunks()


def _batches(dataset: Path, shards: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with reading(dataset, f"a table of {str(dataset)!r}"):
        yield from parquet.scan(
            shards,
            columns,
            dictionary_columns=_REPEATED,
            batch_size=BATCH_ROWS,
            batch_readahead=4,
            fragment_readahead=1,
        )
