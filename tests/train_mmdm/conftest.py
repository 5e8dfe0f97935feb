"""Small datasets and runs of the description model."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leitmotif.train_mmdm.settings import Settings, choose_settings
from tests.train_mmdm import rendered_clips

SMALL = (
    "batch=2",
    "accumulation=2",
    "epochs=2",
    "min_steps=0",
    "eval_steps=0",
    "frames=1",
    "image_side=32",
    "samples=1",
    "max_new_tokens=3",
    "tensorboard=false",
)


def plain_frames(seed: int, count: int = 3) -> list[bytes]:
    """JPEG pictures of one colour each."""
    rng = np.random.default_rng(seed)
    files = []
    for _ in range(count):
        buffer = io.BytesIO()
        Image.new("RGB", (32, 24), tuple(rng.integers(0, 256, 3).tolist())).save(buffer, "JPEG")
        files.append(buffer.getvalue())
    return files


def plain_rows(count: int, first: int = 0) -> list[dict[str, object]]:
    numbers = range(first, first + count)
    return [rendered_clips.make_row(rendered_clips.draw_truth(n), plain_frames(n)) for n in numbers]


@pytest.fixture(scope="session")
def plain_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips to train with, three to validate with; their pictures are plain."""
    folder = tmp_path_factory.mktemp("plain") / "dataset"
    return rendered_clips.write_dataset(folder, {"train": plain_rows(10), "validation": plain_rows(3, 100)})


@pytest.fixture(scope="session")
def small() -> Settings:
    """Settings under which a training takes a second: three steps an epoch, two epochs."""
    return choose_settings("tiny", SMALL)
