import datetime
import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from leitmotif.shards.columns import MEDIA
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


def test_media_are_stored_as_they_are_and_the_rest_is_compressed(tmp_path: Path) -> None:
    write_shard(tmp_path / "s.parquet", SCHEMA, iter([(10, a_row(1))]))
    group = pq.read_metadata(tmp_path / "s.parquet").row_group(0)
    leaves = [group.column(number) for number in range(group.num_columns)]
    codecs = {(leaf.path_in_schema.split(".")[0] in MEDIA, leaf.compression) for leaf in leaves}
    assert codecs == {(True, "UNCOMPRESSED"), (False, "ZSTD")}


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


def _flac_dataset(folder: Path) -> np.ndarray:
    """Write a dataset of one clip, a tone on the left and silence on the right; return its samples."""
    tone = np.sin(np.arange(44_100) / 20) / 2
    samples = np.stack([tone, np.zeros_like(tone)], axis=1)
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format="FLAC", subtype="PCM_16")
    row = a_row(1) | {"audio": {"bytes": file.getvalue(), "path": "x.flac"}, "frames": []}
    (folder / "data").mkdir(parents=True)
    write_shard(folder / "data" / "train-00000-of-00001.parquet", SCHEMA, iter([(10, row)]))
    return samples


def test_sounds_are_read_without_torchcodec_as_readme_shows(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    samples = _flac_dataset(tmp_path / "d")
    loaded = datasets.load_dataset(str(tmp_path / "d"), cache_dir=str(tmp_path / "cache"))["train"]
    row = loaded.cast_column("audio", datasets.Audio(decode=False))[0]
    audio, rate_hz = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
    assert rate_hz == 44_100
    np.testing.assert_allclose(audio, samples, atol=1e-4)


def test_datasets_decodes_sounds_by_torchcodec(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    try:
        import torchcodec  # noqa: F401
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchcodec or the shared libraries of FFmpeg are missing: {str(error)[:60]}")
    samples = _flac_dataset(tmp_path / "d")
    loaded = datasets.load_dataset(str(tmp_path / "d"), cache_dir=str(tmp_path / "cache"))["train"]
    decoded = loaded[0]["audio"].get_all_samples()
    assert decoded.sample_rate == 44_100
    np.testing.assert_allclose(decoded.data.numpy().T, samples, atol=1e-4)
