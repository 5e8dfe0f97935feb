"""Published datasets of small rows, in splits, shards and row groups as asked for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema

SCHEMA = shard_schema(clap_dim=2, clip_dim=1)
MakeDataset = Callable[..., Path]


def a_row(number: int) -> dict[str, Any]:
    return {
        "clip_id": f"clip-{number}",
        "license": "CC0-1.0",
        "caption": f"number {number}",
        "motion": number / 8,
        "audio": {"bytes": b"fLaC%d" % number, "path": f"{number}.flac"},
        "clap_embedding": [1.0, 0.0],
    }


def write_shard(path: Path, groups: Sequence[Sequence[int]], schema: pa.Schema = SCHEMA) -> None:
    """Write a shard with these rows in these row groups."""
    with pq.ParquetWriter(path, schema) as writer:
        for numbers in groups:
            writer.write_table(pa.Table.from_pylist([a_row(number) for number in numbers], schema=schema))


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """Writes a dataset: for each split the rows of each row group of each shard."""

    def make(*, manifest: bool = True, **splits: list[list[int]]) -> Path:
        folder = tmp_path / "dataset"
        (folder / "data").mkdir(parents=True)
        number = 0
        for split, shards in splits.items():
            for shard, sizes in enumerate(shards):
                groups = []
                for size in sizes:
                    groups.append(range(number, number + size))
                    number += size
                write_shard(folder / "data" / f"{split}-{shard:05d}-of-{len(shards):05d}.parquet", groups)
        rejected = [{"clip_id": "gone", "rule": "motion", "value": 0.0, "threshold": 0.1}]
        pq.write_table(pa.Table.from_pylist(rejected, schema=REJECTED), folder / "rejected.parquet")
        pq.write_table(QUARANTINE.empty_table(), folder / "quarantine.parquet")
        if manifest:
            write_manifest(folder, {"kept": number})
        return folder

    return make
