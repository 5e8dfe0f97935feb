"""`duration_s` is the length of the sound that is in the row, and validate listens."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import QUARANTINE, REJECTED, shard_schema
from leitmotif.shards.validate import validate


def dataset(folder: Path, duration_s: float | None, sound: bytes | None = None) -> Path:
    """Write a dataset of one clip whose sound lasts two seconds."""
    if sound is None:
        out = io.BytesIO()
        soundfile.write(out, np.zeros((88_200, 2)), 44_100, format="FLAC")
        sound = out.getvalue()
    row = {"clip_id": "c", "license": "unknown", "duration_s": duration_s}
    row |= {"audio": {"bytes": sound, "path": "c.flac"}}
    (folder / "data").mkdir(parents=True)
    shard = pa.Table.from_pylist([row], schema=shard_schema(clap_dim=1, clip_dim=1))
    pq.write_table(shard, folder / "data" / "train-00000-of-00001.parquet")
    pq.write_table(REJECTED.empty_table(), folder / "rejected.parquet")
    pq.write_table(QUARANTINE.empty_table(), folder / "quarantine.parquet")
    counts = {"catalogued": 1, "kept": 1, "rejected": 0, "quarantined": 0, "rows": {"train": 1}}
    write_manifest(folder, counts)
    return folder


@pytest.mark.parametrize("duration_s", [2.0, 2.04, 1.96])
def test_a_length_within_a_frame_is_right(tmp_path: Path, duration_s: float) -> None:
    assert validate(dataset(tmp_path / "dataset", duration_s)) == []


@pytest.mark.parametrize(("duration_s", "said"), [(2.06, "2.060 s"), (30.0, "30.000 s"), (None, "nothing")])
def test_another_length_is_named_with_file_row_and_both_lengths(
    tmp_path: Path, duration_s: float | None, said: str
) -> None:
    (problem,) = validate(dataset(tmp_path / "dataset", duration_s))
    assert problem.startswith("train-00000-of-00001.parquet row 0 (c): ")
    assert f"duration_s says {said}, the sound in the row lasts 2.000 s" in problem


def test_a_sound_that_only_begins_like_one_is_a_problem(tmp_path: Path) -> None:
    (problem,) = validate(dataset(tmp_path / "dataset", 2.0, b"fLaC and no more"))
    assert "audio cannot be decoded" in problem
