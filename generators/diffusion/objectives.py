"""What a diffusion network learns to say of a noised sound, and what follows of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class VPrediction:
    """The velocity between sound and noise, on the circle where time 0 is sound and time 1 is noise.

    Reference:
        Salimans and Ho, Progressive distillation, arXiv:2202.00512; as in stable-audio-tools.
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
        keep, share = _circle(time, clean)
        return keep * clean + share * noise, keep * noise - share * clean

    def denoised(self, output: Tensor, noised: Tensor, time: Tensor) -> Tensor:
        """Return the latents that an output stands for, of the shape of `noised`."""
        keep, share = _circle(time, noised)
        return keep * noised - share * output


def time_of_sigma(sigma: Tensor) -> Tensor:
    """Return the time whose ratio of noise to sound is `sigma`, 0 and above: 0..1."""
    return sigma.atan() * 2 / math.pi


def _circle(time: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    angle = (time * (math.pi / 2)).reshape(-1, *[1] * (like.ndim - 1))
    return torch.cos(angle), torch.sin(angle)
