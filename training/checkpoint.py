"""Checkpoints of a run: folders that appear whole or not at all, and the random states within them."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leitmotif.training.errors import TrainingInputError

CHECKPOINTS = "checkpoints"
STATE_NAME = "state.json"
_PREFIX, _PARTIAL = "step-", ".partial-"


def checkpoint_path(run: Path, step: int) -> Path:
    """Return where the checkpoint after so many steps lies."""
    return run / CHECKPOINTS / f"{_PREFIX}{step:08d}"


def list_checkpoints(run: Path) -> list[Path]:
    """Return the checkpoints of a run, the oldest first."""
    return sorted((run / CHECKPOINTS).glob(f"{_PREFIX}[0-9]*"))


def partial_path(run: Path, step: int) -> Path:
    """Return where a checkpoint lies while it is written."""
    folder = checkpoint_path(run, step)
    return folder.with_name(f"{_PARTIAL}{folder.name}")


def begin_checkpoint(run: Path, step: int) -> Path:
    """Make an empty folder to write a checkpoint into; `finish_checkpoint` gives it its name."""
    partial = partial_path(run, step)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def finish_checkpoint(partial: Path) -> Path:
    """Give a checkpoint that was written its name, once all of it is on the disk; return its folder."""
    folder = partial.with_name(partial.name.removeprefix(_PARTIAL))
    for path in partial.rglob("*"):
        if path.is_file():
            _flush(path)
    shutil.rmtree(folder, ignore_errors=True)  # the same step once more, after a resume
    partial.rename(folder)
    return folder


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def drop_checkpoints(run: Path, keep: Collection[Path]) -> None:
    """Delete the checkpoints of a run other than those to keep, and what interrupted ones left."""
    for folder in (run / CHECKPOINTS).iterdir():
        if folder not in keep:
            shutil.rmtree(folder)


def is_disk_error(error: BaseException) -> bool:
    """Tell whether a disk refused; safetensors and torch wrap the system's error in errors of their own."""
    texts = ("No space left", "Disk quota", "Read-only file system", "file write failed", "unexpected pos")
    return isinstance(error, OSError) or any(text in str(error) for text in texts)


def save_object(path: Path, content: Any) -> None:
    """Write tensors and plain values by way of memory, so that a full disk is a plain OSError."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(buffer.getbuffer())


def load_object(path: Path) -> Any:
    """Return what `save_object` wrote; no code in it is run."""
    return torch.load(path, map_location="cpu", weights_only=True)


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write where the training stands."""
    (folder / STATE_NAME).write_text(json.dumps(dict(state), indent=1) + "\n", encoding="utf-8")


def read_state(folder: Path) -> dict[str, Any]:
    """Return where the training stood.

    Raises:
        TrainingInputError: The checkpoint is not readable.
    """
    try:
        return dict(json.loads((folder / STATE_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise TrainingInputError(
            f"cannot read the checkpoint {str(folder)!r} ({error}); delete it to go on from the one before"
        ) from error


def random_states() -> dict[str, Any]:
    """Return the states of every generator of this process."""
    name, keys, place, has_gauss, gauss = np.random.get_state(legacy=True)
    version, words, spare = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(name), [int(key) for key in keys], int(place), int(has_gauss), float(gauss)],
        "python": [version, list(words), spare],
    }


def restore_random_states(states: Mapping[str, Any]) -> None:
    """Put every generator of this process back into a state of `random_states`."""
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
    name, keys, place, has_gauss, gauss = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), place, has_gauss, gauss))
    version, words, spare = states["python"]
    random.setstate((version, tuple(words), spare))
