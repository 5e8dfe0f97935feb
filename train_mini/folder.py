"""Writes a trained model as a folder that `from_pretrained` reads: whole or not at all, file by file."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from leitmotif.storage.atomic import name_beside, replace_file


class Savable(Protocol):
    """A tokenizer, extractor or processor."""

    def save_pretrained(self, save_directory: str) -> Any:
        """Write its files."""


def save_model(model: nn.Module, state: dict[str, Any], parts: Sequence[Savable], out: Path) -> None:
    """Write weights in float16 with config, tokenizer and processor.

    Args:
        model: Gives the architecture.
        state: The weights to write, such as a moving average.
        parts: What reads the model's inputs.
        out: The folder; each of its files is replaced by rename.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = name_beside(out)
    written.mkdir(parents=True)
    try:
        frozen: Any = copy.deepcopy(model)
        frozen.load_state_dict(state)
        frozen.to(torch.float16).save_pretrained(str(written))
        for part in parts:
            part.save_pretrained(str(written))
        for path in sorted(written.iterdir()):
            replace_file(path, out / path.name)
    finally:
        shutil.rmtree(written, ignore_errors=True)
