"""A small dataset that is encoded, and a run that was trained on it."""

from pathlib import Path

import pytest

from leitmotif.generators.ecmg.train import train
from leitmotif.shards.dataset import Dataset
from tests.generators.encoded_clips import ecmg_settings, write_encoded_dataset


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Ten clips to train with, three to validate with, and their features."""
    return Dataset(write_encoded_dataset(tmp_path_factory.mktemp("encoded") / "dataset"))


@pytest.fixture(scope="session")
def music_run(encoded: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps with a moving average."""
    run = tmp_path_factory.mktemp("music") / "run"
    train(encoded.path, run, ecmg_settings("ema_decay=0.5", "learning_rate=0.01", "control_dropout=0"))
    return run
