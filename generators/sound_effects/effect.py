"""What a sound effect is: what it is called, how it is made, and in which manner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Make = Callable[[np.random.Generator, float, "Manner"], np.ndarray]
"""Makes an effect of a length in seconds, float64 (2, samples), at any level."""


@dataclass(frozen=True)
class Manner:
    """How an effect is to be.

    Attributes:
        strength: 0 gentle, 0.5 as ever, 1 heavy.
        pace: How much faster than as ever.
        distant: Whether it is far away.
    """

    strength: float = 0.5
    pace: float = 1.0
    distant: bool = False


@dataclass(frozen=True)
class Effect:
    """One sound effect.

    Attributes:
        name: What it is called; the first that a list of them says.
        make: Makes it.
        words: Words that mean it, in the singular.
    """

    name: str
    make: Make
    words: tuple[str, ...]
