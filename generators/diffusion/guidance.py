"""Classifier-free guidance: beyond what a network says of its conditions, away from what it says without."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from leitmotif.generators.diffusion.objectives import Objective, VPrediction
from leitmotif.generators.diffusion.samplers import Denoiser

Network = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Returns what its objective has it say of latents (rows, dim, frames), given times and numbers (rows,).

A row's number names the conditions of one sound: n + number without them, n being how many sounds there are.
"""


_V_PREDICTION = VPrediction()


def guided(
    network: Network, scale: float, objective: Objective = _V_PREDICTION, *, batched: bool = True
) -> Denoiser:
    """Return a denoiser that follows its conditions `scale` times as much as the network does.

    Args:
        network: The network; it is not asked without conditions where the scale is 1.
        scale: 1 is the network's own opinion.
        objective: What the network says.
        batched: Ask for both opinions at once, rather than one after the other.

    Reference:
        Ho and Salimans, arXiv:2207.12598.
    """

    def denoise(latents: Tensor, sigma: Tensor) -> Tensor:
        rows = len(latents)
        sigma = sigma.to(latents.device)
        seen, moment = objective.seen(latents, sigma)
        time = moment.expand(rows)
        numbers = torch.arange(rows, device=latents.device)
        if scale == 1:
            said = network(seen, time, numbers)
        elif batched:
            both = torch.cat([numbers, numbers + rows])
            with_them, without = network(seen.repeat(2, 1, 1), time.repeat(2), both).chunk(2)
            said = without + scale * (with_them - without)
        else:
            with_them, without = network(seen, time, numbers), network(seen, time, numbers + rows)
            said = without + scale * (with_them - without)
        return objective.denoised(said, seen, time)

    return denoise
