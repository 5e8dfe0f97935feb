"""Learning rates as functions of the step: nothing to store, nothing to restore."""

from __future__ import annotations

import math


def warmup_steps(total: int, share: float) -> int:
    """Return how many of the steps belong to a warm-up; at least one where its share is above zero."""
    return min(total, max(1, round(total * share))) if share > 0 else 0


def cosine_rate(step: int, total: int, *, highest: float, warmup: float) -> float:
    """Return the learning rate of a step: a straight rise, then half a cosine down to zero.

    Args:
        step: Number of the step, from 0 to total - 1.
        total: Steps of the whole training.
        highest: Rate at the end of the warm-up.
        warmup: Share of the steps that rise, 0..1.

    Reference:
        Loshchilov and Hutter, SGDR, arXiv:1608.03983, without restarts.
    """
    rising = warmup_steps(total, warmup)
    if step < rising:
        return highest * (step + 1) / rising
    share = (step - rising) / max(1, total - rising)
    return highest * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def inverse_rate(step: int, *, highest: float) -> float:
    """Return the learning rate of a step: an exponential rise, then a fall as of the root of the steps.

    Args:
        step: Number of the step, from 0.
        highest: Rate that it comes near to.

    Reference:
        `InverseLR` of stable-audio-tools with the values of Stable Audio Open: inv_gamma 1e6, power 0.5,
        warmup 0.99.
    """
    return float(highest * (1 - 0.99 ** (step + 1)) * (1 + step / 1e6) ** -0.5)
