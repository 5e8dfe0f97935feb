import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import shard_schema
from leitmotif.shards.writer import ROW_GROUP_BYTES, write_shard

RATE_HZ = 8000
SHAPE = (12, 16)

Row = dict[str, object]
MakeDataset = Callable[..., Path]


def a_row(number: int) -> Row:
    """A clip whose sound and pictures say its number: 100 + number samples, pictures of that grey."""
    return {
        "clip_id": f"clip-{number:04d}",
        "license": "CC0-1.0",
        "caption": f"number {number}",
        "audio": {"bytes": a_flac(number), "path": f"{number}.flac"},
        "frames": [{"bytes": a_jpeg(number), "path": f"{number}-{part}.jpg"} for part in range(2)],
        "moods": [{"tag": "calm", "score": 0.5}],
    }


def a_flac(number: int) -> bytes:
    file = io.BytesIO()
    level = np.full((100 + number, 2), (0.25, -0.5), np.float32)
    soundfile.write(file, level, RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def a_jpeg(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", SHAPE[::-1], (number, 0, 255 - number)).save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.fixture(scope="session")
def make_dataset(tmp_path_factory: pytest.TempPathFactory) -> MakeDataset:
    """Writes a new dataset: for each split the rows of each row group of each shard."""

    def make(**splits: list[list[int]]) -> Path:
        numbers = iter(range(1000))
        folder = tmp_path_factory.mktemp("dataset")
        (folder / "data").mkdir(parents=True)
        for split, shards in splits.items():
            for shard, groups in enumerate(shards):
                # The writer closes a row group once it holds so many bytes.
                rows = [
                    (ROW_GROUP_BYTES if row == size - 1 else 0, a_row(next(numbers)))
                    for size in groups
                    for row in range(size)
                ]
                path = folder / "data" / f"{split}-{shard:05d}-of-{len(shards):05d}.parquet"
                write_shard(path, shard_schema(clap_dim=1, clip_dim=1), iter(rows))
        write_manifest(folder, {})
        return folder

    return make
