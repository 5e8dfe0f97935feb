"""One optimiser step: the loss of the answers' tokens, summed over micro-batches and processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as functional

from leitmotif.train_mmdm.examples import Example
from leitmotif.train_mmdm.prompt import IGNORED, Prompter

Batch = dict[str, torch.Tensor]


def make_batches(prompter: Prompter, examples: Sequence[Example], size: int) -> list[Batch]:
    """Return micro-batches of examples of like length, so that little of them is padding."""
    encoded = [prompter.encode(each.pixels, each.question, each.answer) for each in examples]
    encoded.sort(key=lambda example: len(example["input_ids"]))
    return [prompter.collate(encoded[start : start + size]) for start in range(0, len(encoded), size)]


def count_answers(batches: Sequence[Mapping[str, torch.Tensor]]) -> int:
    """Return how many tokens of the batches carry loss."""
    return sum(int((batch["labels"] != IGNORED).sum()) for batch in batches)


def sum_loss(net: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the negative log-likelihood of the answers' tokens, summed; natural logarithm.

    Logits are computed from the first answer on only: with a vocabulary of 150,000 and 2,560 tokens of
    pictures before it, all of them would be most of the memory.
    """
    labels = batch["labels"]
    said = (labels != IGNORED).any(dim=0)
    first = int(said.nonzero()[0]) if said.any() else labels.shape[1] - 1
    kept = labels.shape[1] - first + 1  # and one before, which foretells the first
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    logits = net(**inputs, logits_to_keep=kept, use_cache=False).logits[
        :, :-1
    ]  # (rows, kept - 1, vocabulary)
    wanted = labels[:, first:]
    return functional.cross_entropy(
        logits.float().flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def move(batch: Mapping[str, torch.Tensor], device: torch.device) -> Batch:
    """Return a batch on a device."""
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}


class Stepper:
    """Takes optimiser steps on one or many processes.

    The loss is divided by the number of answer tokens of the whole step, over its batches and
    processes: how the examples are divided does not change what is learned.
    """

    def __init__(self, accelerator: Any, net: Any, optimizer: Any, max_grad_norm: float) -> None:
        self.accelerator = accelerator
        self.net = net
        self.optimizer = optimizer
        self.max_grad_norm = max_grad_norm

    def take(self, batches: list[Batch], rate: float) -> dict[str, float] | None:
        """Learn from the micro-batches of one step.

        Args:
            batches: Of this process; at least one.
            rate: Learning rate.

        Returns:
            `loss`, the mean over all tokens and processes, `tokens`, `grad_norm` and `rate`; None where no
            process has anything to learn, and no step is taken.
        """
        accelerator = self.accelerator
        tokens = self._gather(count_answers(batches)).sum()
        if not tokens:
            return None
        turns = int(self._gather(len(batches)).max())
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.net.train()
        total = torch.zeros((), device=accelerator.device)
        for turn in range(turns):
            # With fewer batches than others, a process takes part with one that weighs nothing.
            weight = accelerator.num_processes / tokens if turn < len(batches) else 0.0
            batch = move(batches[min(turn, len(batches) - 1)], accelerator.device)
            last = turn == turns - 1
            accelerator.gradient_state._set_sync_gradients(last)
            with nullcontext() if last else accelerator.no_sync(self.net):
                loss = sum_loss(self.net, batch) * weight
                accelerator.backward(loss)
            total += loss.detach()
        norm = accelerator.clip_grad_norm_(self.net.parameters(), self.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {
            "loss": float(self._gather(float(total)).mean()),
            "tokens": float(tokens),
            "grad_norm": 0.0 if norm is None else float(norm),
            "rate": rate,
        }

    def _gather(self, number: float) -> torch.Tensor:
        """Return a number of every process."""
        return self.accelerator.gather(torch.tensor([float(number)], device=self.accelerator.device))
