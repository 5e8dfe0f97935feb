import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.shards.schema import shard_schema
from leitmotif.shards.writer import plan_shards, write_shard

SCHEMA = shard_schema(clap_dim=3, clip_dim=2)


def a_row(number: int) -> dict[str, object]:
    return {
        "clip_id": f"{number:04d}",
        "license": "CC0-1.0",
        "retrieved_at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "comments": ["nice"],
        "audio": {"bytes": b"fLaC" + bytes(number), "path": f"{number}.flac"},
        "frames": [{"bytes": b"\xff\xd8\xff", "path": "0.jpg"}],
        "instruments": [{"tag": "piano", "score": 0.5}],
        "clap_embedding": [1.0, 0.0, 0.0],
        "models": [{"backend": "tagging", "model": "clap-mini@1"}],
    }


def test_shards_are_consecutive_and_hold_every_row() -> None:
    shards = plan_shards([40, 40, 40, 10, 500, 1], shard_bytes=100)
    assert [list(shard) for shard in shards] == [[0, 1, 2], [3, 4], [5]]
    assert plan_shards([]) == []


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    assert write_shard(path, SCHEMA, ((10, a_row(n)) for n in range(5))) == 5
    rows = pq.read_table(path).to_pylist()
    assert [row["clip_id"] for row in rows] == ["0000", "0001", "0002", "0003", "0004"]
    assert rows[3]["audio"] == {"bytes": b"fLaC\0\0\0", "path": "3.flac"}
    assert rows[0]["title"] is None and rows[0]["models"] == a_row(0)["models"]


def test_row_groups_stay_small_whatever_the_shard_holds(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    write_shard(path, SCHEMA, ((20 << 20, a_row(n)) for n in range(6)))
    assert pq.ParquetFile(path).num_row_groups == 3


def test_an_empty_shard_has_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    assert write_shard(path, SCHEMA, iter(())) == 0
    assert pq.read_schema(path).equals(SCHEMA)


def test_datasets_types_audio_and_frames_without_a_script(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    (tmp_path / "data").mkdir()
    write_shard(tmp_path / "data" / "train-00000-of-00001.parquet", SCHEMA, iter([(10, a_row(1))]))
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))["train"]
    assert isinstance(loaded.features["audio"], datasets.Audio)
    assert isinstance(loaded.features["frames"].feature, datasets.Image)
    row = loaded.cast_column("audio", datasets.Audio(decode=False)).remove_columns("frames")[0]
    assert row["audio"]["bytes"] == b"fLaC\0"
    assert row["clap_embedding"] == [1.0, 0.0, 0.0]
