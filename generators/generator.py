"""What a generator is: it makes one sound of each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np

from leitmotif.training.loader.decode import Audio

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Request:
    """What a sound is to be like. What a generator does not know of, it leaves aside.

    Attributes:
        seconds: How long it is to be.
        prompt: What it is to be, in words; the attribute that is asked for stands at its end.
        negative_prompt: What it is not to be.
        video: A film that it is for.
        reference: Music to follow: the broad track.
        style: CLAP embedding of music that has the wanted attribute, float32 (dim,): the targeted track.
        strength: How much the music is followed; 1 as in training, 0 not at all.
        seed: The same request with the same seed gives the same sound.
        attributes: What it is to have, value by kind, such as {"genre": "jazz", "tempo": "96"}; of those that
            read nothing but words, the words for it stand in `prompt`.
    """

    seconds: float
    prompt: str | None = None
    negative_prompt: str | None = None
    video: Path | None = None
    reference: Audio | None = None
    style: np.ndarray | None = None
    strength: float = 1.0
    seed: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)


class Generator(Protocol):
    """Makes sounds.

    Attributes:
        rate_hz: Sampling rate of what it makes, once it is loaded.
        longest_s: Longest sound that it makes, once it is loaded.
    """

    rate_hz: int
    longest_s: float

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device."""

    def generate(
        self, requests: Sequence[Request], on_step: Callable[[int], None] = lambda step: None
    ) -> list[Audio]:
        """Return one sound for each request, in order; together they are one batch.

        Args:
            requests: What they are to be like.
            on_step: Called after each step from noise to sound with its number, from 1.

        Raises:
            UserError: A request cannot be met.
        """


def loaded(model: Loaded | None) -> Loaded:
    """Return the model of a generator.

    Raises:
        RuntimeError: It has none yet.
    """
    if model is None:
        raise RuntimeError("got a generator without weights; expected load(device) to be called first")
    return model
