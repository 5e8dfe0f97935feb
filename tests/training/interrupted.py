"""Trainings that are cut off, and whether checkpoints hold the same bits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from leitmotif.training.checkpoint import read_state
from leitmotif.training.settings import LoopSettings


class Killed(BaseException):
    """Ends a training as a power cut does."""


def cut(train: Callable[..., Any], dataset: Path, run: Path, settings: LoopSettings, steps: int) -> None:
    """Train until a power cut after so many steps."""

    def die(stage: str, done: int, total: int, note: str) -> None:
        if done == steps:
            raise Killed

    with pytest.raises(Killed):
        train(dataset, run, settings, on_progress=die)


def numbers(folder: Path) -> dict[str, Any]:
    """Everything of a checkpoint that is made of numbers, by the path of its file."""
    found: dict[str, Any] = {"state": read_state(folder)}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".safetensors":
            found[name] = load_file(path)
        elif path.suffix == ".pt":
            found[name] = torch.load(path, weights_only=True)
    return found


def same(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two)
