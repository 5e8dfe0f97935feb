"""What one kind of training adds to the loop: four hooks, and the batches that they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import torch


@dataclass(frozen=True)
class Batch:
    """Examples that go through the network at once; a loader's worker makes it.

    Attributes:
        tensors: Tensors by the names that the task gives them.
        count: Elements that carry loss, such as tokens or latents. It is known before the network has seen
            the batch, since the loss is divided by the count of the whole step, over batches and processes.
        size: Elements that the network sees.
        ids: Names of the rows, for messages.
    """

    tensors: dict[str, torch.Tensor]
    count: int
    size: int
    ids: tuple[str, ...]

    def to(self, device: torch.device) -> dict[str, torch.Tensor]:
        """Return its tensors, in their shapes, on a device."""
        return {name: value.to(device, non_blocking=True) for name, value in self.tensors.items()}


class Task(Protocol):
    """What one kind of training adds to `training.loop.fit`."""

    UNIT: ClassVar[str]
    """What `Batch.count` and `Batch.size` count, such as tokens: for the log.

    `UNIT` of a step is its `count`, over all processes; `UNIT_s` is how many of `size` the first process put
    through the network in a second.
    """

    def loss(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the loss of a batch on the device, summed over its `count` elements: a scalar."""

    def validate(self, step: int) -> Mapping[str, float]:
        """Measure on every process; `loss` decides which checkpoint is the best, the others are logged.

        Returns:
            The same on every process; empty where there is nothing to validate with.
        """

    def save(self, folder: Path, weights: dict[str, torch.Tensor] | None) -> None:
        """Write the network into a checkpoint, on the first process.

        Args:
            folder: Folder of the checkpoint.
            weights: Weights by name, in the network's shapes, gathered from all processes where they lie
                scattered.
        """

    def load(self, folder: Path) -> None:
        """Read into the network what `save` wrote, on every process."""
