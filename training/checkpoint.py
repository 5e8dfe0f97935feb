"""Checkpoints of a run: folders that appear whole or not at all, and how a training goes on from one."""

from __future__ import annotations

import io
import json
import random
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leitmotif.storage.atomic import replace_folder
from leitmotif.storage.documents import read_object
from leitmotif.storage.errors import (
    OutsideError,
    UserError,
    first_line,
    is_machine_fault,
    one_line,
    what_helps,
)
from leitmotif.training.ema import EMA, Ema
from leitmotif.training.settings import LoopSettings, write_settings
from leitmotif.training.task import Task

CHECKPOINTS = "checkpoints"
STATE_NAME, OPTIMIZER, SHARDED = "state.json", "optimizer.pt", "accelerate"
_PREFIX, _PARTIAL = "step-", ".partial-"


def checkpoint_path(run: Path, step: int) -> Path:
    """Return the folder of the checkpoint of a step."""
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
    replace_folder(partial, folder)  # the same step may be there already, after a resume
    return folder


def drop_checkpoints(run: Path, keep: Collection[Path]) -> None:
    """Delete the checkpoints of a run other than those to keep, and what interrupted ones left."""
    for folder in (run / CHECKPOINTS).iterdir():
        if folder not in keep:
            shutil.rmtree(folder)


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
        UserError: The checkpoint is not readable.
    """
    try:
        return read_object(folder / STATE_NAME)
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot read the checkpoint {str(folder)!r} ({one_line(error)}); delete it to go on from the "
            "one before"
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


def is_sharded(accelerator: Any) -> bool:
    """Tell whether weights and optimizer lie scattered over the processes."""
    return str(accelerator.distributed_type).rpartition(".")[2] in ("FSDP", "DEEPSPEED")


def rank_file(folder: Path, rank: int) -> Path:
    """Return the file of what each process has for itself: random states and its place in the data."""
    return folder / f"rank-{rank:05d}.pt"


class CheckpointManager:
    """Writes and reads the checkpoints of one training; every process calls its methods together.

    Args:
        run: Folder of the run.
        accelerator: What prepared network and optimizer.
        task: Writes and reads the weights.
        net: As `accelerator` prepared it.
        optimizer: As `accelerator` prepared it.
        loader: Gives the training rows.
        settings: Settings of the run.
        ema: Moving average of the weights, if there is one.
    """

    def __init__(
        self,
        run: Path,
        accelerator: Any,
        *,
        task: Task,
        net: Any,
        optimizer: Any,
        loader: Any,
        settings: LoopSettings,
        ema: Ema | None = None,
    ) -> None:
        self.run, self.accelerator, self.task, self.net = run, accelerator, task, net
        self.optimizer, self.loader, self.settings, self.ema = optimizer, loader, settings, ema

    def save(self, state: Mapping[str, Any]) -> Path:
        """Write all that a training needs to go on as if nothing had happened, whole or not at all.

        Of the former checkpoints the one of the least validation loss stays.

        Args:
            state: `step`, `best_step` or None, and whatever else is to be read again.

        Raises:
            OutsideError: The disk refused; the former checkpoints are untouched.
        """
        step, main = int(state["step"]), self.accelerator.is_main_process
        partial = partial_path(self.run, step)
        folder = checkpoint_path(self.run, step)
        try:
            self._together(lambda: main and begin_checkpoint(self.run, step))
            self._together(lambda: self._write(partial, state))
            self._together(lambda: main and finish_checkpoint(partial))
        except Exception:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if main:
            best = step if state["best_step"] is None else state["best_step"]
            drop_checkpoints(self.run, {folder, checkpoint_path(self.run, best)})
        return folder

    def load(self, folder: Path, state: Mapping[str, Any]) -> None:
        """Go back to a checkpoint: weights, their average, optimizer, random states and place in the data.

        Raises:
            UserError: It was written by another number of processes.
        """
        processes = self.accelerator.num_processes
        if state["processes"] != processes:
            raise UserError(
                f"got {processes} processes; {folder.name} was written by {state['processes']}: start as "
                f"many, with accelerate launch --num_processes {state['processes']}"
            )
        if is_sharded(self.accelerator):
            self.accelerator.load_state(str(folder / SHARDED))
        else:
            self.task.load(folder)
            self.optimizer.load_state_dict(load_object(folder / OPTIMIZER))
        if self.ema is not None:
            self.ema.load_state_dict(load_object(folder / EMA))
        own = load_object(rank_file(folder, self.accelerator.process_index))
        self.loader.load_state_dict(own["loader"])
        restore_random_states(own["random"])

    def _write(self, partial: Path, state: Mapping[str, Any]) -> None:
        """Write this process' share."""
        weights, main = None, self.accelerator.is_main_process
        if is_sharded(self.accelerator):
            weights = self.accelerator.get_state_dict(self.net)
            self.accelerator.save_state(str(partial / SHARDED))
        elif main:
            save_object(partial / OPTIMIZER, self.optimizer.state_dict())
        own = {"loader": self.loader.state_dict(), "random": random_states()}
        save_object(rank_file(partial, self.accelerator.process_index), own)
        if main:
            if self.ema is not None:
                save_object(partial / EMA, self.ema.state_dict())
            self.task.save(partial, weights)
            write_settings(partial, self.settings)
            write_state(partial, {**state, "processes": self.accelerator.num_processes})

    def _together(self, act: Callable[[], object]) -> None:
        """Do something on every process; if it fails on one, all of them stop."""
        failure: Exception | None = None
        try:
            act()
        except Exception as error:
            failure = error
        failed = torch.tensor([failure is not None], device=self.accelerator.device, dtype=torch.int32)
        if not bool(self.accelerator.gather(failed).any()):
            return
        if failure is not None and not isinstance(failure, OSError) and not is_machine_fault(failure):
            raise failure
        said = "another process failed" if failure is None else first_line(failure)
        helps = "make room" if failure is None else what_helps(failure)
        raise OutsideError(
            f"cannot write a checkpoint into {str(self.run)!r} ({said}); the former checkpoint is untouched: "
            f"{helps}, then go on with --resume"
        ) from failure
