"""Demucs models with random weights, in the files that demucs itself saves."""

from pathlib import Path
from typing import Any

import torch
from demucs.htdemucs import HTDemucs
from demucs.states import get_state, save_with_checksum

SOURCES = ("drums", "bass", "other", "vocals")
TINY = {
    "samplerate": 8000,
    "segment": 1,
    "channels": 4,
    "nfft": 256,
    "depth": 2,
    "t_layers": 1,
    "t_heads": 2,
    "t_hidden_scale": 1,
    "dconv_depth": 1,
    "dconv_comp": 2,
}
# htdemucs as published: 7.8 s at 44.1 kHz, 42 million weights.
PUBLISHED = {"bottom_channels": 512, "segment": 7.8}


def save_model(folder: Path, name: str, *, seed: int = 0, **settings: Any) -> Path:
    """Save a random HTDemucs, tiny unless told otherwise, and return its file, NAME-CHECKSUM.th."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"sources": list(SOURCES)} | (settings or TINY)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = HTDemucs(**settings)
    package = {
        "klass": HTDemucs,
        "args": (),
        "kwargs": settings,
        "state": get_state(model, None),
        "training_args": {},
    }
    save_with_checksum(package, folder / f"{name}.th")
    (path,) = folder.glob(f"{name}-*.th")
    return path
