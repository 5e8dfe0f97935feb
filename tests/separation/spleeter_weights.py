"""Weights of Spleeter's networks, drawn at random, in files as the published ones are."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.separation import spleeter
from leitmotif.separation.spleeter_network import SpleeterNetwork
from leitmotif.weights.wheel_table import SPLEETER

WIDTHS = (2, 3, 2, 3, 4, 5)


def write_weights(
    monkeypatch: pytest.MonkeyPatch, models: Path, widths: tuple[int, ...] = WIDTHS
) -> dict[str, Path]:
    """Have the separator's networks be narrow, write random weights of both, and return the files."""
    monkeypatch.setenv("LEITMOTIF_MODELS", str(models))
    monkeypatch.setattr(spleeter, "SpleeterNetwork", partial(SpleeterNetwork, widths))
    files = {stem: SPLEETER.path(name) for stem, name in spleeter.FILES.items()}
    for seed, file in enumerate(files.values()):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            arrays = {name: tensor.numpy() for name, tensor in SpleeterNetwork(widths).state_dict().items()}
        write_arrays(file, arrays)
    return files


def write_arrays(file: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as the published file holds them: a pickle in which bytes are text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(arrays, file, pickle_protocol=2)
