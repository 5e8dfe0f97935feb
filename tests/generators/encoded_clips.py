"""Small datasets that are encoded for the music generator, and settings of a training of a moment."""

from pathlib import Path

from leitmotif.generators.ecmg.encode import encode
from leitmotif.generators.ecmg.settings import Settings, choose_settings
from leitmotif.shards.dataset import Dataset
from tests.training.plain_clips import write_plain_dataset

# Three steps of four rows an epoch, two epochs.
SMALL = (
    "batch=2",
    "accumulation=2",
    "epochs=2",
    "eval_steps=0",
    "ema_decay=0",
    "frames=8",
    "layers=2",
    "width=32",
    "heads=2",
    "control_layers=1",
    "sampling_steps=4",
    "tensorboard=false",
)


def ecmg_settings(*changes: str) -> Settings:
    return choose_settings("tiny", [*SMALL, *changes])


def write_encoded_dataset(folder: Path) -> Path:
    """Ten short clips to train with, three to validate with, and what `encode` made of them."""
    write_plain_dataset(folder)
    encode(Dataset(folder), choose_settings("tiny"), "cpu")
    return folder
