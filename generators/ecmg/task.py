"""What music generation adds to the loop: its loss, its validation, its weights on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from leitmotif.generators.diffusion.objectives import Objective
from leitmotif.generators.ecmg.examples import BatchMaker, Example
from leitmotif.generators.ecmg.parts import load_parts, save_parts
from leitmotif.generators.ecmg.settings import Settings

NETWORK = "network"


class MusicTask:
    """Learning to say which way sound lies from noise.

    Args:
        accelerator: What prepared the network.
        net: As `accelerator` prepared it.
        examples: The fixed set whose loss is measured.
        settings: Settings of the run.
    """

    UNIT: ClassVar[str] = "frames"

    def __init__(self, accelerator: Any, net: Any, examples: Sequence[Example], settings: Settings) -> None:
        self.accelerator, self.net, self.examples, self.settings = accelerator, net, examples, settings
        self.objective: Objective = accelerator.unwrap_model(net).kind.OBJECTIVE

    def loss(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the squared error of what is said, summed over frames: a scalar. See `sum_loss`."""
        return sum_loss(self.net, tensors, self.objective)

    @torch.no_grad()
    def validate(self, step: int) -> Mapping[str, float]:
        """Measure the loss of the fixed set, divided among the processes."""
        if not self.examples:
            return {}
        self.net.eval()
        accelerator, size = self.accelerator, self.settings.batch
        sums = torch.zeros(2, device=accelerator.device, dtype=torch.float64)
        world, rank = accelerator.num_processes, accelerator.process_index
        make = BatchMaker(size)
        for start in range(0, len(self.examples), world * size):
            own = self.examples[start + rank * size :][:size]
            # Weights may lie scattered: where the examples end, every process still takes part.
            (made,) = make(own or self.examples[:1])
            loss = sum_loss(self.net, made.to(accelerator.device), self.objective)
            if own:
                sums += torch.stack([loss.double(), loss.new_tensor(float(made.count)).double()])
        total, frames = accelerator.reduce(sums, "sum").tolist()
        return {"loss": total / frames}

    def save(self, folder: Path, weights: dict[str, torch.Tensor] | None) -> None:
        """Write the parts that learn."""
        save_parts(self.accelerator.unwrap_model(self.net), folder / NETWORK, self.settings, weights)

    def load(self, folder: Path) -> None:
        """Fill the parts that a checkpoint holds."""
        load_parts(self.accelerator.unwrap_model(self.net), folder / NETWORK, self.settings)


def sum_loss(net: Any, batch: Mapping[str, torch.Tensor], objective: Objective) -> torch.Tensor:
    """Return the squared error of what is said, its mean over the numbers of a frame, summed over frames.

    Args:
        net: The network.
        batch: What `BatchMaker` made.
        objective: What the network is to say.

    Returns:
        A scalar, float32.
    """
    conditions = {name: value for name, value in batch.items() if name not in ("clean", "noise", "time")}
    time = objective.time(batch["time"])
    noised, target = objective.noised(batch["clean"], batch["noise"], time)
    said = net(noised, time, **conditions)  # (batch, dim, frames)
    return (said.float() - target).square().mean(dim=1).sum()
