"""The folder of a run: begun, refused, opened; and the error that a full memory becomes.

RUN/
  settings.json      everything that was chosen
  checkpoints/       step-…/: what the task saved, and what a training needs to go on
  log.jsonl, tensorboard/
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from leitmotif.storage.atomic import clear_folder
from leitmotif.storage.errors import OutsideError, RunError, UserError, first_line, is_machine_fault
from leitmotif.storage.places import check_place
from leitmotif.training.checkpoint import checkpoint_path, list_checkpoints, read_state
from leitmotif.training.loop import TrainState
from leitmotif.training.settings import SETTINGS_NAME, Chosen, read_settings


def check_run(run: Path, settings: Chosen | None, default: Chosen, *, resume: bool) -> Chosen:
    """Return the settings to train with; refuse a run that would be overwritten or cannot be resumed.

    Args:
        run: Folder of the run.
        settings: Settings that were asked for.
        default: Settings of a new run, where none were.
        resume: Whether it is gone on with.

    Raises:
        UserError: With the reason.
    """
    exists = run.exists() and (not run.is_dir() or any(run.iterdir()))
    if exists and not resume:
        raise UserError(f"{str(run)!r} exists; go on with it by --resume, or give another --out")
    if resume and not exists:
        raise UserError(f"{str(run)!r} does not exist; leave --resume out to begin it")
    if not resume:
        check_place(run / SETTINGS_NAME)
        return settings or default
    begun = read_settings(run, type(default))
    former, wanted = asdict(begun), asdict(settings or begun)
    for name in former:
        if former[name] != wanted[name]:
            raise UserError(
                f"got {name}={wanted[name]!r}; {str(run)!r} was begun with {former[name]!r}: resume with the "
                "settings it was begun with, or begin a new run"
            )
    return begun


@contextmanager
def setting_up(run: Path) -> Iterator[None]:
    """Leave nothing behind of a run that never got to its first step, nor of one that was killed."""
    begun = run.exists()
    if begun:
        clear_folder(run)
    try:
        yield
    except BaseException:
        if not begun:
            shutil.rmtree(run, ignore_errors=True)
        raise


def run_facts(run: Path, state: TrainState) -> dict[str, Any]:
    """Return what is told of a training that has ended.

    Args:
        run: Folder of the run.
        state: Where `fit` left it.

    Returns:
        `run`, `checkpoint` (the one to use), `step`, `epoch`, `loss`, `validation_loss` (the least) and
        `best_step`.
    """
    return {
        "run": str(run),
        "checkpoint": checkpoint_path(run, state.best_step or state.step).name,
        "step": state.step,
        "epoch": state.epoch,
        "loss": state.loss,
        "validation_loss": state.best_loss,
        "best_step": state.best_step,
    }


def best_checkpoint(run: Path, kind: str) -> Path:
    """Return the checkpoint of the least validation loss; without any validation, the last one.

    Args:
        run: Folder of the run.
        kind: What it is called by `leitmotif train`.

    Raises:
        UserError: There is none.
    """
    found = list_checkpoints(run)
    if not found:
        raise UserError(
            f"{str(run)!r} has no checkpoint yet; train it: leitmotif train {kind} DATASET --out RUN --resume"
        )
    best_step = read_state(found[-1]).get("best_step")
    best = found[-1] if best_step is None else checkpoint_path(run, best_step)
    return best if best.is_dir() else found[-1]


@contextmanager
def reading(run: Path) -> Iterator[None]:
    """Turn whatever a library raises over unfit files of a run into one line.

    Raises:
        UserError: A file is missing or damaged.
        OutsideError: A device's memory is full.
    """
    try:
        yield
    except RunError:
        raise
    except torch.OutOfMemoryError as error:
        raise OutsideError(
            f"the memory of the GPU has no room for {str(run)!r}; free some of it or use --device cpu"
        ) from error
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise UserError(
            f"{str(run)!r} cannot be opened ({first_line(error)}): a file of it is missing or damaged; copy "
            "the run again, or go on training it from an older checkpoint"
        ) from error


@contextmanager
def one_line_when_full(advice: Callable[[str], str]) -> Iterator[None]:
    """Turn a full memory, of a GPU or of the machine, into one line.

    Args:
        advice: Makes the line out of what was said, with what to change in the settings.

    Raises:
        OutsideError: Memory is full.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutsideError(advice(first_line(error) if str(error).strip() else "no details")) from error
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise OutsideError(advice(first_line(error))) from error
