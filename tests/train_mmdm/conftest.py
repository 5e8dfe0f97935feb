"""Small datasets and runs of the description model."""

from pathlib import Path

import pytest

from leitmotif.train_mmdm.settings import Settings, choose_settings
from tests.training.plain_clips import write_plain_dataset

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


@pytest.fixture(scope="session")
def plain_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips to train with, three to validate with; their pictures are plain."""
    return write_plain_dataset(tmp_path_factory.mktemp("plain") / "dataset")


@pytest.fixture(scope="session")
def small() -> Settings:
    """Settings under which a training takes a second: three steps an epoch, two epochs."""
    return choose_settings("tiny", SMALL)
