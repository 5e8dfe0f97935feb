"""One optimiser step, whose loss is summed over micro-batches and processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch

from leitmotif.storage.errors import UserError
from leitmotif.training.ema import Ema
from leitmotif.training.task import Batch, Task

_IDS_SHOWN = 8


class TrainStep:
    """Takes optimiser steps on one or many processes.

    The loss is divided by the number of elements of the whole step, over its batches and processes: how the
    examples are divided does not change what is learned.
    """

    def __init__(
        self, task: Task, accelerator: Any, net: Any, optimizer: Any, max_grad_norm: float, ema: Ema | None
    ) -> None:
        self.task, self.accelerator, self.net, self.optimizer = task, accelerator, net, optimizer
        self.max_grad_norm, self.ema = max_grad_norm, ema

    def run(self, batches: Sequence[Batch], rate: float) -> dict[str, float] | None:
        """Learn from the micro-batches of one step.

        Args:
            batches: Batches of this process; at least one.
            rate: Learning rate; a group of weights with a `share` takes so much of it.

        Returns:
            `loss`, the mean over all elements and processes, their number by the task's unit, `grad_norm` and
            `rate`; None where no process has anything to learn, and no step is taken.

        Raises:
            UserError: Loss or gradient is no finite number; the weights are as they were before.
        """
        accelerator = self.accelerator
        count = self._gather(sum(batch.count for batch in batches)).sum()
        if not count:
            return None
        turns = int(self._gather(len(batches)).max())
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        self.net.train()
        losses: list[torch.Tensor] = []
        for turn in range(turns):
            # With fewer batches than others, a process takes part with one that weighs nothing.
            weight = accelerator.num_processes / count if turn < len(batches) else 0.0
            batch = batches[min(turn, len(batches) - 1)]
            last = turn == turns - 1
            accelerator.gradient_state._set_sync_gradients(last)
            with nullcontext() if last else accelerator.no_sync(self.net):
                loss = self.task.loss(batch.to(accelerator.device)) * weight
                accelerator.backward(loss)
            losses.append(loss.detach())
        norm = accelerator.clip_grad_norm_(self.net.parameters(), self.max_grad_norm)
        mean = float(self._gather(float(_sum(losses))).mean())
        length = 0.0 if norm is None else float(norm)
        if not (math.isfinite(mean) and math.isfinite(length)):
            self.optimizer.zero_grad()
            raise self._not_finite(mean, length, batches, losses)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.ema is not None:
            self.ema.update()
        return {"loss": mean, self.task.UNIT: float(count), "grad_norm": length, "rate": rate}

    def _not_finite(
        self, mean: float, length: float, batches: Sequence[Batch], losses: Sequence[torch.Tensor]
    ) -> UserError:
        """Return the error that names the rows of the batches whose own loss is no number, or all of them."""
        from accelerate.utils import gather_object

        own = [
            [row for batch in batches for row in batch.ids],
            [
                row
                for batch, loss in zip(batches, losses, strict=False)
                if not loss.isfinite()
                for row in batch.ids
            ],
        ]
        everyone = gather_object([own])
        rows = [row for each in everyone for row in each[1]] or [row for each in everyone for row in each[0]]
        more = f" and {len(rows) - _IDS_SHOWN} more" if len(rows) > _IDS_SHOWN else ""
        return UserError(
            f"the loss is {mean} and its gradient {length} long, from which nothing can be learned; it is "
            f"over the rows {', '.join(rows[:_IDS_SHOWN])}{more}; look at them, or begin anew with a lower "
            "learning_rate"
        )

    def _gather(self, number: float) -> torch.Tensor:
        """Gather a number from every process, shape (processes,)."""
        return self.accelerator.gather(torch.tensor([float(number)], device=self.accelerator.device))


def _sum(losses: Sequence[torch.Tensor]) -> torch.Tensor:
    total = torch.zeros((), device=losses[0].device)
    for loss in losses:
        total += loss
    return total
