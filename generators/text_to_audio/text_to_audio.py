"""What a text-to-audio backend is: it makes a sound of words; and what all of them do alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from leitmotif.generators.generator import Generator, Request
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio

OnStep = Callable[[int], None]
Make = Callable[[Request, OnStep], np.ndarray]
"""Makes the sound of one request, float32 (channels, samples), at least as long as it is asked for."""

# Whoever wants no sound at all asks for less than this.
SHORTEST_S = 0.1


def fetch_command(name: str) -> str:
    """Return what is said where the weights of a backend are not there."""
    return f"run `leitmotif fetch-models --only {name}`"


class TextToAudio(Generator, Protocol):
    """A `Generator` that reads `prompt`, `negative_prompt`, `seconds` and `seed` of a request.

    The file of a backend exports its class as `TEXT_TO_AUDIO`, and states as plain values, beside what every
    adapter does (`leitmotif.weights.adapters`): LONGEST_S, CHANNELS, MEMORY (what it takes of it, in words)
    and BEST_AT. Its constructor takes what its SETTINGS name, `model` and `revision` where it has weights.

    Attributes:
        name: The backend, for what is said to the user.
        channels: Channels of what it makes, once it is loaded.
    """

    name: str
    channels: int

    def steps(self, request: Request) -> int:
        """Return how many steps a request takes, the last number that `on_step` gets of it."""


def make_each(backend: TextToAudio, requests: Sequence[Request], make: Make, on_step: OnStep) -> list[Audio]:
    """Return the sound of each request: each is made by itself, so that it is the same in any company.

    Args:
        backend: Whose they are.
        requests: What is asked for; all of them are looked at before the first is made.
        make: Makes one.
        on_step: Is told of the steps of all of them, one count.

    Returns:
        Sounds of `round(seconds * rate_hz)` samples. One that rises above full scale is turned down to it.

    Raises:
        UserError: A request cannot be met.
    """
    for request in requests:
        check_request(request, backend.name, backend.longest_s)
    rate_hz = backend.rate_hz
    made, done = [], 0
    for request in requests:
        before = done
        samples = make(request, lambda step, before=before: on_step(before + step))  # type: ignore[misc]
        done += backend.steps(request)
        size = round(request.seconds * rate_hz)
        if samples.shape[-1] < size:
            raise RuntimeError(
                f"{backend.name} made {samples.shape[-1]} samples of the {size} that were asked for"
            )
        made.append(Audio(within_full_scale(samples[:, :size]), rate_hz))
    return made


def check_request(request: Request, name: str, longest_s: float) -> None:
    """Refuse what a backend cannot make.

    Raises:
        UserError: With the reason.
    """
    if not (request.prompt or "").strip():
        raise UserError(f"got no words for {name} to make a sound of; say what it is to be like")
    check_length(request, name, longest_s)


def check_length(request: Request, name: str, longest_s: float) -> None:
    """Refuse a length that a backend cannot make, and a seed that is none.

    Raises:
        UserError: With the reason.
    """
    if not math.isfinite(request.seconds) or request.seconds < SHORTEST_S:
        raise UserError(f"got {request.seconds:g} s to generate; expected {SHORTEST_S:g} or more")
    if request.seconds > longest_s:
        raise UserError(
            f"got {request.seconds:g} s to generate; {name} makes up to {longest_s:g} s at a time: ask for "
            "several, each with a seed of its own, and fade each into the next"
        )
    if request.seed < 0:
        raise UserError(f"got seed {request.seed}; expected 0 or more")


def within_full_scale(samples: np.ndarray) -> np.ndarray:
    """Return float32 samples, turned down where they would clip."""
    peak = float(np.abs(samples).max(initial=0.0))
    return np.ascontiguousarray(samples / max(1.0, peak), dtype=np.float32)
