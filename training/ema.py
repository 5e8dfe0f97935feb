"""An exponential moving average of the weights that learn, which generators are validated and used with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

EMA = "ema.pt"


class Ema:
    """Averages the weights of a network that learn, step by step, in float32.

    The first steps decay less, by (1 + step) / (10 + step), so that the fresh weights are soon forgotten.

    Args:
        net: The network; not sharded over processes.
        decay: Share of the average that a step leaves, 0..1.

    Reference:
        The warm-up is that of tf.train.ExponentialMovingAverage with `num_updates`.
    """

    def __init__(self, net: torch.nn.Module, decay: float) -> None:
        self.decay, self.step = decay, 0
        self._learning = {name: weight for name, weight in net.named_parameters() if weight.requires_grad}
        self.average = {name: weight.detach().float().clone() for name, weight in self._learning.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after one more step into the average."""
        self.step += 1
        share = 1 - min(self.decay, (1 + self.step) / (10 + self.step))
        for name, weight in self._learning.items():
            self.average[name].lerp_(weight.detach().float(), share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the network have the averaged weights for a while."""
        own = {name: weight.detach().clone() for name, weight in self._learning.items()}
        try:
            _put(self._learning, self.average)
            yield
        finally:
            _put(self._learning, own)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"step": self.step, "average": self.average}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to a state of `state_dict`."""
        self.step = int(state["step"])
        _put(self.average, state["average"])


def apply_average(net: torch.nn.Module, checkpoint: Path) -> None:
    """Give a network the averaged weights of a checkpoint, if it has any."""
    path = checkpoint / EMA
    if path.is_file():
        average = torch.load(path, map_location="cpu", weights_only=True)["average"]
        _put(dict(net.named_parameters()), average)


@torch.no_grad()
def _put(weights: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor]) -> None:
    for name, value in values.items():
        weights[name].copy_(value)
