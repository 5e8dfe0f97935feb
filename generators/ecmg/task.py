"""What music generation adds to the loop: its loss, its validation, its weights on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from leitmotif.generators.diffusion.objectives import VPrediction
from leitmotif.generators.ecmg.examples import BatchMaker, Example
from leitmotif.generators.ecmg.parts import load_parts, save_parts
from leitmotif.generators.ecmg.settings import Settings

NETWORK = "network"
_OBJECTIVE = VPrediction()


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

    def loss(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the squared error of the velocity, summed over frames: a scalar. See `sum_loss`."""
        return sum_loss(self.net, tensors)

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
            loss = sum_loss(self.net, made.to(accelerator.device))
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


def sum_loss(net: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the squared error of the velocity, its mean over the numbers of a frame, summed over frames.

    Args:
        net: The network.
        batch: What `BatchMaker` made.

    Returns:
        A scalar, float32.
    """
    conditions = {name: value for name, value in batch.items() if name not in ("clean", "noise", "time")}
    noised, target = _OBJECTIVE.noised(batch["clean"], batch["noise"], batch["time"])
    said = net(noised, batch["time"], **conditions)  # (batch, dim, frames)
    return (said.float() - target).square().mean(dim=1).sum()
