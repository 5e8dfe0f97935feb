"""Samplers: from noise to latents, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""Returns the clean latents behind noised ones (batch, …), given sigma of the noise, a scalar."""


class Advance(Protocol):
    """Goes on from one sigma to the next, which is not 0."""

    def __call__(
        self, latents: Tensor, denoised: Tensor, sigma: float, following: float, noise: NoiseSource
    ) -> Tensor:
        """Return the latents at `following`, given those at `sigma` and what is behind them."""


class Solver(Protocol):
    """A way from noise to latents."""

    def sigmas(self) -> Tensor:
        """Return how much noise there is before each step, then 0: shape (steps + 1,)."""

    def begin(self) -> Advance:
        """Return what goes on step by step, for one way."""


@dataclass(frozen=True)
class Sampler:
    """DPM-Solver++(3M) SDE on sigmas that fall exponentially.

    Attributes:
        steps: Times that the network is asked.
        sigma_min: Deviation of the noise at the last step.
        sigma_max: Deviation of the noise at the first one.
        eta: How much fresh noise comes in; 0 is the ordinary differential equation.

    Reference:
        Lu et al., arXiv:2211.01095; `sample_dpmpp_3m_sde` of k-diffusion. Steps and sigmas are those of
        Visuals Music Bridge, section 4.1.
    """

    steps: int = 100
    sigma_min: float = 0.03
    sigma_max: float = 1000.0
    eta: float = 1.0

    def sigmas(self) -> Tensor:
        """Return the deviations of all steps, then 0: shape (steps + 1,)."""
        logs = torch.linspace(math.log(self.sigma_max), math.log(self.sigma_min), self.steps)
        return torch.cat([logs.exp(), torch.zeros(1)])

    def begin(self) -> Advance:
        """Return what goes on step by step."""
        return _Multistep(self.eta)


@dataclass(frozen=True)
class EulerSampler:
    """Euler's steps along a rectified flow, whose log-SNR rises evenly.

    Attributes:
        steps: Times that the network is asked.
        logsnr_min: Log-SNR at the first step, which begins at noise alone nevertheless.
        logsnr_max: Log-SNR that the last step would begin at if there were one more.

    Reference:
        `logsnr_sigma_schedule` of diffusers' `StableAudio3Pipeline`, with its numbers.
    """

    steps: int = 100
    logsnr_min: float = -6.2
    logsnr_max: float = 2.0

    def sigmas(self) -> Tensor:
        """Return the times of all steps, then 0: shape (steps + 1,)."""
        even = torch.linspace(1.0, 0.0, self.steps + 1)
        times = torch.sigmoid(even * (self.logsnr_max - self.logsnr_min) - self.logsnr_max)
        times[0], times[-1] = 1.0, 0.0
        return times

    def begin(self) -> Advance:
        """Return what goes on step by step."""
        return _along_the_line


class NoiseSource:
    """Draws the noise of each sound from a seed of its own, so that a batch gives what each gives alone.

    Args:
        seeds: One of each sound.
        shape: Shape of the latents of one.
        device: Where the noise is needed; it is drawn on the CPU, so that it is the same everywhere.
    """

    def __init__(self, seeds: Sequence[int], shape: Sequence[int], device: str | torch.device) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.shape, self.device = tuple(shape), device

    def draw(self) -> Tensor:
        """Return standard normal noise, shape (seeds, *shape)."""
        drawn = [torch.randn(self.shape, generator=generator) for generator in self.generators]
        return torch.stack(drawn).to(self.device)


@torch.inference_mode()
def sample(
    denoiser: Denoiser,
    noise: NoiseSource,
    sampler: Solver,
    on_step: Callable[[int], None] = lambda step: None,
) -> Tensor:
    """Return latents drawn from what a denoiser knows.

    Args:
        denoiser: The network with its guidance, by sigma of the noise.
        noise: Noise of every sound of the batch.
        sampler: The way.
        on_step: Called after each step with its number, from 1.

    Returns:
        Shape (seeds, *shape of one), float32.
    """
    sigmas = sampler.sigmas().tolist()
    latents = noise.draw() * sigmas[0]
    advance = sampler.begin()
    for step, (sigma, following) in enumerate(pairwise(sigmas)):
        denoised = denoiser(latents, torch.tensor(sigma))
        latents = denoised if following == 0 else advance(latents, denoised, sigma, following, noise)
        on_step(step + 1)
    return latents


def _along_the_line(
    latents: Tensor, denoised: Tensor, sigma: float, following: float, noise: NoiseSource
) -> Tensor:
    """Return the latents at a later time of the straight way to what is behind them."""
    return denoised + (latents - denoised) * (following / sigma)


class _Multistep:
    """Goes on by what the last two steps found.

    Args:
        eta: How much fresh noise comes in.
    """

    def __init__(self, eta: float) -> None:
        self.eta = eta
        self.history: list[Tensor] = []  # the last two denoised, the later one first
        self.spans: list[float] = []  # the last two steps in -log sigma, the later one first

    def __call__(
        self, latents: Tensor, denoised: Tensor, sigma: float, following: float, noise: NoiseSource
    ) -> Tensor:
        span = math.log(sigma / following)
        latents = _advance(latents, denoised, self.history, span, self.spans, self.eta)
        if self.eta:
            deviation = following * math.sqrt(-math.expm1(-2 * span * self.eta))
            latents = latents + noise.draw() * deviation
        self.spans = [span, *self.spans[:1]]
        self.history = [denoised, *self.history[:1]]
        return latents


def _advance(
    latents: Tensor, denoised: Tensor, history: list[Tensor], span: float, spans: list[float], eta: float
) -> Tensor:
    """Return the latents after one step without its noise: of third order once two steps were taken."""
    whole = span * (eta + 1)
    latents = math.exp(-whole) * latents - math.expm1(-whole) * denoised
    second = math.expm1(-whole) / whole + 1
    if len(spans) == 2:
        before, first = spans[0] / span, spans[1] / span
        slope = (denoised - history[0]) / before
        former = (history[0] - history[1]) / first
        bent = (slope - former) / (before + first)
        third = second / whole - 0.5
        return latents + second * (slope + (slope - former) * before / (before + first)) - third * bent
    if len(spans) == 1:
        return latents + second * (denoised - history[0]) / (spans[0] / span)
    return latents
