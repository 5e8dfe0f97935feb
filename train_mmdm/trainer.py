"""The training of a description model: from a dataset to a run, and on from where a run stopped."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from leitmotif.shards.dataset import Dataset
from leitmotif.train_mmdm.card import write_card
from leitmotif.train_mmdm.examples import check_rows, make_loader
from leitmotif.train_mmdm.network import build_network
from leitmotif.train_mmdm.preparation import (
    begin_run,
    check_run,
    make_accelerator,
    make_optimizer,
    prepare,
    read_validation,
)
from leitmotif.train_mmdm.prompt import Prompter
from leitmotif.train_mmdm.run import TOKENIZER
from leitmotif.train_mmdm.saving import Keeper, is_sharded
from leitmotif.train_mmdm.settings import Settings
from leitmotif.train_mmdm.step import Stepper, make_batches
from leitmotif.train_mmdm.tokens import open_tokenizer
from leitmotif.train_mmdm.watching import forget_samples, measure_loss, write_samples
from leitmotif.training.checkpoint import checkpoint_path, list_checkpoints, read_state
from leitmotif.training.errors import TrainingOutsideError
from leitmotif.training.logs import RunLog
from leitmotif.training.schedule import cosine_rate

_log = logging.getLogger("leitmotif.train")

# Told of (stage, steps done, steps in all, loss and rate in words).
Told = Callable[[str, int, int, str], None]


@dataclass
class Progress:
    """Where a training stands.

    Attributes:
        step: Optimiser steps done.
        epoch: Passes over the rows done.
        best_loss: Least validation loss so far.
        best_step: When it was measured; None without any validation.
        worse: Validations since then.
        watched: Steps done at the last validation.
        loss: Of the last step.
    """

    step: int = 0
    epoch: int = 0
    best_loss: float | None = None
    best_step: int | None = None
    worse: int = 0
    watched: int = 0
    loss: float | None = None


def train(
    dataset: str | Path,
    run: str | Path,
    settings: Settings | None = None,
    *,
    resume: bool = False,
    progress: Told = lambda stage, done, total, note: None,
) -> dict[str, Any]:
    """Train a description model.

    Args:
        dataset: A folder that `leitmotif publish` wrote; its splits train and, if there is one, validation.
        run: Where to; it must not exist, unless `resume` is given.
        settings: All the rest; None takes `tiny`, or those that a resumed run was begun with.
        resume: Go on from the last checkpoint of `run`.
        progress: Told of the steps done, on the first of several processes.

    Returns:
        `run`, `checkpoint`, `step`, `epoch`, `loss`, `validation_loss` (the least), `best_step`, `seconds`.

    Raises:
        TrainingInputError: The dataset, the run or a setting cannot be used.
        DatasetError: The dataset cannot be read.
        TrainingOutsideError: Disk or memory do not suffice.
    """
    start = time.monotonic()
    run = Path(run)
    settings = check_run(run, settings, resume=resume)
    try:
        training = _open_training(Dataset(dataset), run, settings, progress)
        return {**training.fit(), "seconds": round(time.monotonic() - start, 1)}
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise out_of_memory(error, settings) from error
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise out_of_memory(error, settings) from error


def count_epochs(settings: Settings, steps_an_epoch: int) -> int:
    """Return how often the rows are passed over: few rows more often, but never beyond `max_epochs`."""
    longer = math.ceil(settings.min_steps / steps_an_epoch)
    if settings.max_epochs:
        longer = min(longer, settings.max_epochs)
    return max(settings.epochs, longer)


def out_of_memory(error: BaseException, settings: Settings) -> TrainingOutsideError:
    """Return the error that says what to change when memory does not suffice, the cheapest change first."""
    advice = []
    if not settings.gradient_checkpointing:
        advice.append("gradient_checkpointing=true")
    if settings.batch > 1:
        halved = settings.batch // 2
        advice.append(f"batch={halved} with accumulation={settings.accumulation * settings.batch // halved}")
    if settings.precision != "bf16":
        advice.append("precision=bf16")
    if not settings.lora_rank:
        advice.append("lora_rank=16")
    elif not settings.four_bit and settings.model_id is not None:
        advice.append("four_bit=true")
    if settings.frames > 1:
        advice.append(f"frames={max(1, settings.frames // 2)}")
    said = str(error).strip().splitlines()
    return TrainingOutsideError(
        f"out of memory with preset {settings.preset}, batch {settings.batch} and {settings.frames} frames "
        f"({said[0] if said else 'no details'}); begin anew with --set {' or --set '.join(advice)}, or with "
        "a smaller preset"
    )


def _open_training(dataset: Dataset, run: Path, settings: Settings, tell: Told) -> Training:
    """Return a training that can take its first step; a run that never got there leaves nothing behind."""
    begun = run.exists()
    try:
        training = Training(dataset, run, settings, tell)
    except BaseException:
        if not begun:
            shutil.rmtree(run, ignore_errors=True)
        raise
    if begun and not list_checkpoints(run) and training.accelerator.is_main_process:
        _log.info("%s: nothing had been saved yet, so it begins anew", run)
    return training


class Training:
    """One training in progress; `fit` runs it to its end."""

    def __init__(self, dataset: Dataset, run: Path, settings: Settings, tell: Told) -> None:
        self.dataset, self.run, self.settings, self.tell = dataset, run, settings, tell
        split = dataset.split("train")
        self.rows = check_rows(split)
        self.validation = read_validation(dataset, settings)
        accelerator = self.accelerator = make_accelerator(settings)
        accelerator.wait_for_everyone()  # until all have seen that the run is not there yet
        if accelerator.is_main_process and not (run / TOKENIZER).is_dir():
            begin_run(run, settings, split)
        accelerator.wait_for_everyone()
        self.prompter = Prompter(open_tokenizer(run / TOKENIZER), settings)
        torch.manual_seed(settings.seed + accelerator.process_index)
        net = build_network(settings, self.prompter.tokenizer, device=accelerator.device)
        self.loader = make_loader(
            dataset, settings, rank=accelerator.process_index, world_size=accelerator.num_processes
        )
        optimizer = make_optimizer(net, settings)
        self.net, self.optimizer = prepare(accelerator, net, optimizer, settings)
        self.stepper = Stepper(accelerator, self.net, self.optimizer, settings.max_grad_norm)
        self.keeper = Keeper(run, accelerator, self.net, self.optimizer, self.loader, settings)
        self.stands = Progress()
        self.validation_loss: float | None = None  # the last one of this process
        if found := list_checkpoints(run):
            state = read_state(found[-1])
            self.keeper.load(found[-1], state)
            self.stands = Progress(**{name: state[name] for name in Progress.__dataclass_fields__})
        self.epochs = count_epochs(settings, len(self.loader))
        self.total = len(self.loader) * self.epochs

    def fit(self) -> dict[str, Any]:
        """Train until the epochs are over, or the validation loss has stopped falling."""
        stands, main = self.stands, self.accelerator.is_main_process
        self.log = _open_log(self.run, self.settings, stands.step) if main else None
        if main:
            forget_samples(self.run, stands.step)
        try:
            while stands.epoch < self.epochs and not self._has_stopped_falling():
                self._run_epoch()
        finally:
            if self.log is not None:
                self.log.close()
        facts = {
            "run": str(self.run),
            "checkpoint": checkpoint_path(self.run, stands.best_step or stands.step).name,
            "step": stands.step,
            "epoch": stands.epoch,
            "loss": stands.loss,
            "validation_loss": stands.best_loss,
            "best_step": stands.best_step,
        }
        if main:
            write_card(self.run, self.dataset, self.settings, facts, rows=self.rows)
        return facts

    def _run_epoch(self) -> None:
        """Learn from the rows that are left of an epoch; if it is time, validate and write a checkpoint."""
        stands, settings = self.stands, self.settings
        for rows in self.loader:
            self._learn(make_batches(self.prompter, rows, settings.batch))
            if self.loader.state_dict()["epoch"] > stands.epoch:
                break
            if settings.checkpoint_steps and stands.step % settings.checkpoint_steps == 0:
                self.keeper.save(asdict(stands))
        stands.epoch += 1
        if stands.epoch == self.epochs or stands.step - stands.watched >= settings.watch_steps:
            stands.watched = stands.step
            self._validate()
            self.keeper.save(asdict(stands))

    def _learn(self, batches: list[dict[str, torch.Tensor]]) -> None:
        stands, settings = self.stands, self.settings
        start = time.monotonic()
        rate = cosine_rate(stands.step, self.total, highest=settings.learning_rate, warmup=settings.warmup)
        numbers = self.stepper.take(batches, rate)
        if numbers is None:
            return
        stands.step += 1
        stands.loss = numbers["loss"]
        if self.log is not None:
            shown = sum(int(batch["attention_mask"].sum()) for batch in batches)
            numbers["tokens_s"] = shown / (time.monotonic() - start)
            self.log.write(stands.step, "train", {"epoch": stands.epoch, **numbers})
            self.tell("train", stands.step, self.total, self._note(rate))

    def _note(self, rate: float) -> str:
        """Return the losses and the learning rate in a few words."""
        parts = [f"loss {self.stands.loss:.3f}"]
        if self.validation_loss is not None:
            parts.append(f"validation {self.validation_loss:.3f}")
        return ", ".join([*parts, f"rate {rate:.1e}"])

    def _validate(self) -> None:
        stands, settings = self.stands, self.settings
        if not self.validation:
            return
        batch = settings.batch
        loss = measure_loss(self.accelerator, self.net, self.prompter, self.validation, batch)
        self.validation_loss = loss
        better = stands.best_loss is None or loss < stands.best_loss
        stands.worse = 0 if better else stands.worse + 1
        if better:
            stands.best_loss, stands.best_step = loss, stands.step
        if self.log is not None:
            self.log.write(stands.step, "validation", {"epoch": stands.epoch, "loss": loss})
            if not is_sharded(self.accelerator):
                net = self.accelerator.unwrap_model(self.net)
                write_samples(
                    self.run, net, self.prompter, self.validation[: settings.samples], settings, stands.step
                )

    def _has_stopped_falling(self) -> bool:
        return 0 < self.settings.patience <= self.stands.worse


def _open_log(run: Path, settings: Settings, step: int) -> RunLog:
    return RunLog(
        run, step=step, tensorboard=settings.tensorboard, wandb=settings.wandb, settings=asdict(settings)
    )
