"""What explicitly conditioned generation needs of a published transformer, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from leitmotif.generators.diffusion.objectives import Objective
from leitmotif.generators.diffusion.samplers import Solver

Rotary = tuple[Tensor, Tensor]
"""Cosines and sines of the positions, each (prefix + frames, turned numbers of a head)."""

Embed = Callable[[Tensor], Tensor]
"""Makes tokens (batch, prefix + frames, width) of latents (batch, dim, frames), at a time that is known."""

Attended = Callable[[Any, Tensor], Tensor]
"""Returns what is added to the output of a cross-attention, given it and its normalized input."""


@dataclass(frozen=True)
class Around:
    """What every block is given beside its hidden states.

    Attributes:
        context: What cross-attention looks at, (batch, tokens, width of the context).
        rotary: Of the positions.
        angles: Those that `rotary` is made of, for blocks that take it so.
        modulation: What time and global state make of a block, for blocks that take them so.
    """

    context: Tensor
    rotary: Rotary
    angles: Tensor | None = None
    modulation: Tensor | None = None


@dataclass(frozen=True)
class Conditions:
    """Text and times as a transformer takes them.

    Attributes:
        text: States of the prompts, (batch, length, token_dim).
        times: Tokens behind them, (batch, times, token_dim).
        overall: The global state.
    """

    text: Tensor
    times: Tensor
    overall: Tensor


@dataclass(frozen=True)
class Shape:
    """How large a transformer is.

    Attributes:
        latent_dim: Numbers of a latent frame.
        text_dim: Numbers of a state of the text encoder.
        token_dim: Numbers of a token that cross-attention is given.
        layers: Blocks.
    """

    latent_dim: int
    text_dim: int
    token_dim: int
    layers: int


class Base(Protocol):
    """A transformer of latents with what embeds its times; holds the modules and has no state of its own.

    Attributes:
        PIPELINE: What a published model calls itself in its `model_index.json`.
        PARTS: Classes of the transformer and of what embeds times, by their folders in the published layout.
        OBJECTIVE: What the transformer says.
        EXACT: Whether it makes sounds of any length, rather than windows of one.
        shape: How large it is.
        prefix: Tokens in front of those of the frames.
    """

    PIPELINE: ClassVar[str]
    PARTS: ClassVar[Mapping[str, Any]]
    OBJECTIVE: ClassVar[Objective]
    EXACT: ClassVar[bool]

    def __init__(self, transformer: Any, conditioner: Any) -> None:
        """Take the modules, in the order of `PARTS`."""

    @staticmethod
    def solver(steps: int, sigma_min: float, sigma_max: float) -> Solver:
        """Return the way from noise to latents; one that has no use for sigmas leaves them aside."""

    @property
    def modules(self) -> tuple[Any, Any]:
        """The modules, in the order of `PARTS`."""

    @property
    def blocks(self) -> Any:
        """The blocks of the transformer, in order."""

    @property
    def shape(self) -> Shape:
        """How large the transformer is."""

    @property
    def prefix(self) -> int:
        """Tokens in front of those of the frames."""

    @property
    def empty(self) -> Tensor | None:
        """What stands behind a prompt, (token_dim,); None where that is zero."""

    def longest(self, rate_hz: float) -> int:
        """Return how many frames the transformer makes at most, of so many a second."""

    def never_learned(self) -> list[Any]:
        """Return the modules that no example reaches, or that are drawn once."""

    def controlformer(self, layers: int, *, noisy_input: bool) -> Any:
        """Return an untrained `MusicControlFormer` of this transformer."""

    def adapter(self) -> Any:
        """Return an untrained `MusicControlAdapter` of this transformer."""

    def conditions(self, text: Tensor, tokens: Tensor, start_s: Tensor, total_s: Tensor) -> Conditions:
        """Return text and times as cross-attention takes them; arguments as of `EcmgNetwork.forward`."""

    def around(self, context: Tensor, time: Tensor, overall: Tensor, frames: int) -> Around:
        """Return what every block is given.

        Args:
            context: Tokens of text and times, (batch, tokens, token_dim).
            time: Shape (batch,).
            overall: The global state.
            frames: Latent frames.
        """

    def embed(self, latents: Tensor, time: Tensor, overall: Tensor) -> Tensor:
        """Return the tokens of latents behind the prefix.

        Args:
            latents: Shape (batch, dim, frames).
            time: Shape (batch,).
            overall: The global state.

        Returns:
            Shape (batch, prefix + frames, width).
        """

    def run_block(self, block: Any, hidden: Tensor, around: Around, attended: Attended | None) -> Tensor:
        """Return the hidden states after one block: those of its own `forward` where nothing is added."""

    def queries(self, attention: Any, normed: Tensor) -> tuple[Tensor, ...]:
        """Return the queries of a cross-attention, each (batch, heads, tokens, head_dim).

        Where there are two, what the second finds is taken off what the first one does.
        """

    def latents(self, hidden: Tensor) -> Tensor:
        """Return what is said of the latents, (batch, dim, frames), given the last hidden states."""


def behind(text: Tensor, tokens: Tensor) -> Tensor:
    """Return which places lie behind the prompts, bool (batch, length, 1)."""
    return (torch.arange(text.shape[1], device=text.device) >= tokens[:, None])[..., None]


def split_heads(states: Tensor, heads: int) -> Tensor:
    """Return (batch, tokens, heads * dim) as (batch, heads, tokens, dim)."""
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)
