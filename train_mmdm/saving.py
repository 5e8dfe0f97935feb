"""Checkpoints of the description model: what is written, and how a training goes on from one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from leitmotif.train_mmdm.network import load_pretrained
from leitmotif.train_mmdm.run import NETWORK, save_network
from leitmotif.train_mmdm.settings import Settings, write_settings
from leitmotif.training.checkpoint import (
    begin_checkpoint,
    checkpoint_path,
    drop_checkpoints,
    finish_checkpoint,
    is_disk_error,
    load_object,
    partial_path,
    random_states,
    restore_random_states,
    save_object,
    write_state,
)
from leitmotif.training.errors import TrainingInputError, TrainingOutsideError

OPTIMIZER, SHARDED = "optimizer.pt", "accelerate"


def is_sharded(accelerator: Any) -> bool:
    """Tell whether weights and optimizer lie scattered over the processes."""
    return str(accelerator.distributed_type).rpartition(".")[2] in ("FSDP", "DEEPSPEED")


def rank_file(folder: Path, rank: int) -> Path:
    """Return the file of what each process has for itself: random states and its place in the data."""
    return folder / f"rank-{rank:05d}.pt"


class Keeper:
    """Writes and reads the checkpoints of one training; every process calls its methods together.

    Args:
        run: Folder of the run.
        accelerator: Of the training.
        net: As `accelerator` prepared it.
        optimizer: Likewise.
        loader: Of the training rows.
        settings: Of the run.
    """

    def __init__(
        self, run: Path, accelerator: Any, net: Any, optimizer: Any, loader: Any, settings: Settings
    ) -> None:
        self.run, self.accelerator, self.net = run, accelerator, net
        self.optimizer, self.loader, self.settings = optimizer, loader, settings

    def save(self, state: Mapping[str, Any]) -> Path:
        """Write all that a training needs to go on as if nothing had happened, whole or not at all.

        Of the former checkpoints the one of the least validation loss stays.

        Args:
            state: `step`, `best_step` or None, and whatever else is to be read again.

        Raises:
            TrainingOutsideError: The disk refused; the former checkpoints are untouched.
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
        """Go back to a checkpoint: weights, optimizer, random states and place in the data.

        Raises:
            TrainingInputError: It was written by another number of processes.
        """
        processes = self.accelerator.num_processes
        if state["processes"] != processes:
            raise TrainingInputError(
                f"got {processes} processes; {folder.name} was written by {state['processes']}: start as "
                f"many, with accelerate launch --num_processes {state['processes']}"
            )
        if is_sharded(self.accelerator):
            self.accelerator.load_state(str(folder / SHARDED))
        else:
            load_weights(self.accelerator.unwrap_model(self.net), folder / NETWORK, self.settings)
            self.optimizer.load_state_dict(load_object(folder / OPTIMIZER))
        own = load_object(rank_file(folder, self.accelerator.process_index))
        self.loader.load_state_dict(own["loader"])
        restore_random_states(own["random"])

    def _write(self, partial: Path, state: Mapping[str, Any]) -> None:
        """Write this process' share."""
        net, weights = self.accelerator.unwrap_model(self.net), None
        if is_sharded(self.accelerator):
            weights = self.accelerator.get_state_dict(self.net)
            self.accelerator.save_state(str(partial / SHARDED))
        elif self.accelerator.is_main_process:
            save_object(partial / OPTIMIZER, self.optimizer.state_dict())
        own = {"loader": self.loader.state_dict(), "random": random_states()}
        save_object(rank_file(partial, self.accelerator.process_index), own)
        if self.accelerator.is_main_process:
            save_network(net, partial / NETWORK, weights)
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
        if failure is not None and not is_disk_error(failure):
            raise failure
        said = "another process failed" if failure is None else str(failure).splitlines()[0]
        raise TrainingOutsideError(
            f"cannot write a checkpoint into {str(self.run)!r} ({said}); the former checkpoint is untouched: "
            "make room, then go on with --resume"
        ) from failure


def load_weights(net: Any, folder: Path, settings: Settings) -> None:
    """Put the weights of a checkpoint into a network of the same settings."""
    if settings.lora_rank:
        from peft import set_peft_model_state_dict
        from safetensors.torch import load_file

        set_peft_model_state_dict(net, load_file(folder / "adapter_model.safetensors"))
    else:
        net.load_state_dict(load_pretrained(folder, settings).state_dict())
