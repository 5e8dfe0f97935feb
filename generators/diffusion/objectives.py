"""What a diffusion network learns to say of a noised sound, and what follows of it."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

# Of the normal that times of a flow are drawn from, the share of noise below which nothing is drawn.
_LEAST_NOISE = 0.075


class Objective(Protocol):
    """What a network learns to say. Time 0 is sound and time 1 is noise."""

    def time(self, drawn: Tensor) -> Tensor:
        """Return times to learn at.

        Args:
            drawn: Evenly between 0 and 1, shape (batch,).

        Returns:
            0..1, shape (batch,).
        """

    def noised(self, clean: Tensor, noise: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network sees, and what it is to say.

        Args:
            clean: Latents, shape (batch, dim, frames).
            noise: Standard normal, of the same shape.
            time: 0..1, shape (batch,).

        Returns:
            Both of the shape of `clean`.
        """

    def denoised(self, output: Tensor, noised: Tensor, time: Tensor) -> Tensor:
        """Return the latents that an output stands for, of the shape of `noised`."""

    def seen(self, latents: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network sees of a sampler's latents, and the time.

        Args:
            latents: Shape (batch, dim, frames).
            sigma: What the sampler says of their noise, a scalar.

        Returns:
            The shape of `latents`, and a scalar.
        """


class VPrediction:
    """The velocity between sound and noise, on the circle where time 0 is sound and time 1 is noise.

    Reference:
        Salimans and Ho, Progressive distillation, arXiv:2202.00512; as in stable-audio-tools.
    """

    def time(self, drawn: Tensor) -> Tensor:
        """Return times to learn at: evenly distributed."""
        return drawn

    def noised(self, clean: Tensor, noise: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network sees, and what it is to say.

        Args:
            clean: Latents, shape (batch, dim, frames).
            noise: Standard normal, of the same shape.
            time: 0..1, shape (batch,).

        Returns:
            Both of the shape of `clean`.
        """
        keep, share = _circle(time, clean)
        return keep * clean + share * noise, keep * noise - share * clean

    def denoised(self, output: Tensor, noised: Tensor, time: Tensor) -> Tensor:
        """Return the latents that an output stands for, of the shape of `noised`."""
        keep, share = _circle(time, noised)
        return keep * noised - share * output

    def seen(self, latents: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network sees of sound with noise of the deviation `sigma`, and the time."""
        return latents / (1 + sigma**2).sqrt(), time_of_sigma(sigma)


class FlowMatching:
    """The way from sound to noise, which is straight: a rectified flow.

    Reference:
        Liu et al., Flow straight and fast, arXiv:2209.03003; Stable Audio 3, arXiv:2605.17991.
    """

    def time(self, drawn: Tensor) -> Tensor:
        """Return times to learn at: more of them in the middle, none of them denser at the ends.

        They are those of a normal distribution's logistic function, cut off at the left, stretched and turned
        round: `trunc_logit_normal` of Stability AI's trainer for Stable Audio 3 (`scripts/train_lora.py`).
        """
        least = torch.special.ndtr(torch.logit(torch.tensor(_LEAST_NOISE, device=drawn.device)))
        normal = torch.special.ndtri(least + (1 - least) * drawn)
        return 1 - (torch.sigmoid(normal) - _LEAST_NOISE) / (1 - _LEAST_NOISE)

    def noised(self, clean: Tensor, noise: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network sees, and what it is to say."""
        time = _of_rows(time, clean)
        return (1 - time) * clean + time * noise, noise - clean

    def denoised(self, output: Tensor, noised: Tensor, time: Tensor) -> Tensor:
        """Return the latents that an output stands for."""
        return noised - _of_rows(time, noised) * output

    def seen(self, latents: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents as they are; what the sampler calls sigma is the time."""
        return latents, sigma


def time_of_sigma(sigma: Tensor) -> Tensor:
    """Return the time whose ratio of noise to sound is `sigma`, 0 and above: 0..1."""
    return sigma.atan() * 2 / math.pi


def _circle(time: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    angle = _of_rows(time * (math.pi / 2), like)
    return torch.cos(angle), torch.sin(angle)


def _of_rows(numbers: Tensor, like: Tensor) -> Tensor:
    """Return a number of each row, shape (batch,), in a shape that goes with (batch, …)."""
    return numbers.reshape(-1, *[1] * (like.ndim - 1))
