"""The training loop: steps, validations, checkpoints and the log, whatever is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from leitmotif.storage.errors import UserError
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.training.checkpoint import CheckpointManager, is_sharded, list_checkpoints, read_state
from leitmotif.training.ema import Ema
from leitmotif.training.logs import RunLog
from leitmotif.training.schedule import cosine_rate, inverse_rate
from leitmotif.training.settings import LoopSettings
from leitmotif.training.step import TrainStep
from leitmotif.training.task import Batch, Task


class StepLoader(Protocol):
    """What gives the batches of one step after the other, such as `training.loader.loader.ShardLoader`."""

    def __len__(self) -> int:
        """Return how many steps an epoch has."""

    def __iter__(self) -> Iterator[Sequence[Batch]]:
        """Give what is left of the epoch: for each step the batches of this process."""

    def state_dict(self) -> dict[str, Any]:
        """Return where it stands: among others `epoch`, and how many `rows` of it were given."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a state was taken."""


@dataclass
class TrainState:
    """Counters that a checkpoint restores.

    Attributes:
        step: Optimiser steps done.
        epoch: Passes over the rows done.
        best_loss: Least validation loss so far.
        best_step: When it was measured; None without any validation.
        worse: Validations since then.
        last_eval: Steps done at the last validation.
        loss: Loss of the last step.
    """

    step: int = 0
    epoch: int = 0
    best_loss: float | None = None
    best_step: int | None = None
    worse: int = 0
    last_eval: int = 0
    loss: float | None = None


def fit(
    task: Task,
    net: Any,
    optimizer: Any,
    loader: StepLoader,
    run: Path,
    settings: LoopSettings,
    accelerator: Any,
    *,
    ema: Ema | None = None,
    on_progress: OnProgress = show_nothing,
) -> TrainState:
    """Train from the last checkpoint of a run, or from the beginning, to the end.

    Args:
        task: What is trained.
        net: As `setup.prepare` returned it.
        optimizer: As `setup.prepare` returned it.
        loader: Each of its batches is the list of this process' batches of one step.
        run: Folder of the run.
        settings: Settings of the run.
        accelerator: What `setup.make_accelerator` returned.
        ema: Moving average of the weights; it takes part in validations and checkpoints.
        on_progress: Called after each step, on the first process.

    Returns:
        Where the training stands at its end.

    In the log `epoch` is how many passes were done: before the step in the line of a step, after it in the
    line of a validation, which is one more where the step ended a pass.

    Raises:
        UserError: A row cannot be learned from, or the checkpoint cannot be gone on from.
        OutsideError: The disk refused.
    """
    loop = _Loop(task, net, optimizer, loader, run, settings, accelerator, ema, on_progress)
    return loop.run()


def count_epochs(settings: LoopSettings, steps_an_epoch: int) -> int:
    """Return how often the rows are passed over: few rows more often, but never beyond `max_epochs`."""
    longer = math.ceil(settings.min_steps / steps_an_epoch)
    if settings.max_epochs:
        longer = min(longer, settings.max_epochs)
    return max(settings.epochs, longer)


class _Loop:
    """One training in progress."""

    def __init__(
        self,
        task: Task,
        net: Any,
        optimizer: Any,
        loader: StepLoader,
        folder: Path,
        settings: LoopSettings,
        accelerator: Any,
        ema: Ema | None,
        on_progress: OnProgress,
    ) -> None:
        self.task, self.loader, self.folder, self.settings = task, loader, folder, settings
        self.accelerator, self.ema, self.on_progress = accelerator, ema, on_progress
        if ema is not None and is_sharded(accelerator):
            raise UserError("got ema_decay with FSDP or DeepSpeed, which scatter weights; set ema_decay=0")
        self.step = TrainStep(task, accelerator, net, optimizer, settings.max_grad_norm, ema)
        self.checkpoints = CheckpointManager(
            folder,
            accelerator,
            task=task,
            net=net,
            optimizer=optimizer,
            loader=loader,
            settings=settings,
            ema=ema,
        )
        self.state = TrainState()
        self.validation_loss: float | None = None  # the last one of this process
        if found := list_checkpoints(folder):
            kept = read_state(found[-1])
            self.checkpoints.load(found[-1], kept)
            # Until version 0.2 it was called watched.
            kept.setdefault("last_eval", kept.get("watched"))
            self.state = TrainState(**{name: kept[name] for name in TrainState.__dataclass_fields__})
        self.epochs = None if settings.steps else count_epochs(settings, len(loader))
        self.total = settings.steps or len(loader) * count_epochs(settings, len(loader))
        self.log: RunLog | None = None

    def run(self) -> TrainState:
        """Train until the steps or epochs are over, or the validation loss has stopped falling."""
        settings = self.settings
        if self.accelerator.is_main_process:
            self.log = RunLog(
                self.folder,
                step=self.state.step,
                tensorboard=settings.tensorboard,
                wandb=settings.wandb,
                settings=asdict(settings),
            )
        try:
            while not self._is_over() and not self._has_stopped_falling():
                self._run_epoch()
        finally:
            if self.log is not None:
                self.log.close()
        return self.state

    def _is_over(self) -> bool:
        if self.epochs is None:
            return self.state.step >= self.settings.steps
        return self.state.epoch >= self.epochs

    def _run_epoch(self) -> None:
        """Learn from the rows that are left of an epoch; when due, validate and write a checkpoint."""
        state = self.state
        begun, whole = state.step, self.loader.state_dict()["rows"] == 0
        for batches in self.loader:
            self._learn(batches)
            if self.loader.state_dict()["epoch"] > state.epoch:
                break
            if self._is_over() or self._is_eval_due(ended=False):
                self._evaluate()
                if self._is_over() or self._has_stopped_falling():
                    return
            elif self._is_checkpoint_due():
                self.checkpoints.save(asdict(state))
        if whole and state.step == begun:
            raise UserError("no row of a whole epoch has anything to learn from; give another dataset")
        state.epoch += 1
        if self._is_over() or self._is_eval_due(ended=True):
            self._evaluate()
        elif self._is_checkpoint_due():
            self.checkpoints.save(asdict(state))

    def _has_stopped_falling(self) -> bool:
        return 0 < self.settings.patience <= self.state.worse

    def _evaluate(self) -> None:
        self.state.last_eval = self.state.step
        self._validate()
        self.checkpoints.save(asdict(self.state))

    def _is_eval_due(self, *, ended: bool) -> bool:
        since = self.state.step - self.state.last_eval
        if self.epochs is None and self.settings.eval_steps:
            return since > 0 and self.state.step % self.settings.eval_steps == 0
        return ended and since >= self.settings.eval_steps

    def _is_checkpoint_due(self) -> bool:
        every = self.settings.checkpoint_steps
        return every > 0 and self.state.step % every == 0

    def _learn(self, batches: Sequence[Batch]) -> None:
        state = self.state
        start = time.monotonic()
        rate = self._rate(state.step)
        numbers = self.step.run(batches, rate)
        if numbers is None:
            return
        state.step += 1
        state.loss = numbers["loss"]
        if self.log is not None:
            seen = sum(batch.size for batch in batches)
            numbers[f"{self.task.UNIT}_s"] = seen / (time.monotonic() - start)
            self.log.write(state.step, "train", {"epoch": state.epoch, **numbers})
            self.on_progress("train", state.step, self.total, self._note(rate))

    def _rate(self, step: int) -> float:
        settings = self.settings
        if settings.schedule == "inverse":
            return inverse_rate(step, highest=settings.learning_rate)
        return cosine_rate(step, self.total, highest=settings.learning_rate, warmup=settings.warmup)

    def _note(self, rate: float) -> str:
        """Return the losses and the learning rate in a few words."""
        parts = [f"loss {self.state.loss:.3f}"]
        if self.validation_loss is not None:
            parts.append(f"validation {self.validation_loss:.3f}")
        return ", ".join([*parts, f"rate {rate:.1e}"])

    def _validate(self) -> None:
        state = self.state
        with nullcontext() if self.ema is None else self.ema.applied():
            numbers = dict(self.task.validate(state.step))
        if not numbers:
            return
        loss = self.validation_loss = numbers["loss"]
        better = state.best_loss is None or loss < state.best_loss
        state.worse = 0 if better else state.worse + 1
        if better:
            state.best_loss, state.best_step = loss, state.step
        if self.log is not None:
            self.log.write(state.step, "validation", {"epoch": state.epoch, **numbers})
