"""Write rows into Parquet shards with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa

from leitmotif.shards.columns import MEDIA
from leitmotif.storage import parquet

# A trainer reads row groups of about this size one at a time without trouble, and shards of this one.
ROW_GROUP_BYTES = 32 << 20
SHARD_BYTES = 256 << 20


def plan_shards(sizes_bytes: Sequence[int], *, shard_bytes: int = SHARD_BYTES) -> list[range]:
    """Cut rows into consecutive shards of about `shard_bytes`.

    Args:
        sizes_bytes: Size of each row.
        shard_bytes: A shard is closed once it holds this much.

    Returns:
        Row ranges, in order; none of them empty.
    """
    shards: list[range] = []
    start, filled = 0, 0
    for row, size in enumerate(sizes_bytes):
        filled += size
        if filled >= shard_bytes:
            shards.append(range(start, row + 1))
            start, filled = row + 1, 0
    if start < len(sizes_bytes):
        shards.append(range(start, len(sizes_bytes)))
    return shards


def open_shard(path: Path, schema: pa.Schema) -> AbstractContextManager[Any]:
    """Give a writer of a shard; as `leitmotif.storage.parquet.open_writer`.

    Media are compressed already and do not repeat: zstd takes 0.4 % off FLAC and JPEG files, for nearly half
    the CPU of writing a shard and a seventh of that of reading it; a dictionary would cost memory.
    """
    words = [field.name for field in schema if field.name not in MEDIA]
    return parquet.open_writer(path, schema, plain=MEDIA, use_dictionary=words, write_page_index=True)


def write_shard(path: Path, schema: pa.Schema, rows: Iterator[tuple[int, dict[str, object]]]) -> int:
    """Write one shard, holding no more than a row group in memory.

    Args:
        path: Where to; the caller renames the folder once everything in it is whole.
        schema: Schema of the shard.
        rows: Pairs of a row's size in bytes and its values.

    Returns:
        How many rows were written.
    """
    count, waiting, waiting_bytes = 0, [], 0
    with open_shard(path, schema) as writer:
        for size, row in rows:
            waiting.append(row)
            waiting_bytes += size
            count += 1
            if waiting_bytes >= ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                waiting, waiting_bytes = [], 0
        # An empty shard has no row group: `datasets` cannot read one of no rows.
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
    return count
