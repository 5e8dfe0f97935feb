"""What a control branch adds to the blocks of a Stable Audio transformer, and how they run with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint

Rotary = tuple[Tensor, Tensor]
"""Cosines and sines of the positions, each (frames + 1, head_dim / 2); the global token comes first."""

Attended = Callable[[Any, Tensor], Tensor]
"""Returns what is added to the output of a cross-attention, given it and its normalized input."""


@dataclass(frozen=True)
class Additions:
    """What a branch adds; block l takes the l-th of each, later ones nothing.

    Attributes:
        after: Added after a block, shape (batch, frames + 1, width): equation 5 of Visuals Music Bridge.
        attended: Added to a block's cross-attention.
    """

    after: Sequence[Tensor] = field(default_factory=tuple)
    attended: Sequence[Attended] = field(default_factory=tuple)


def run_blocks(
    blocks: Sequence[Any],
    hidden: Tensor,
    context: Tensor,
    rotary: Rotary,
    additions: Additions,
    *,
    again: bool = False,
) -> Tensor:
    """Return the hidden states after all blocks.

    Args:
        blocks: diffusers' `StableAudioDiTBlock`s.
        hidden: Shape (batch, frames + 1, width).
        context: What cross-attention looks at, (batch, tokens, cross_attention_dim).
        rotary: Of the positions.
        additions: What the control branch adds.
        again: Compute activations a second time in the backward pass, rather than keep them.
    """
    for number, block in enumerate(blocks):
        attended = additions.attended[number] if number < len(additions.attended) else None
        if again and hidden.requires_grad:
            hidden = checkpoint(run_block, block, hidden, context, rotary, attended, use_reentrant=False)
        else:
            hidden = run_block(block, hidden, context, rotary, attended)
        if number < len(additions.after):
            hidden = hidden + additions.after[number]
    return hidden


def run_block(
    block: Any, hidden: Tensor, context: Tensor, rotary: Rotary, attended: Attended | None = None
) -> Tensor:
    """Return the hidden states after one block, as its own `forward` gives them where nothing is added."""
    if attended is None:
        output: Tensor = block(hidden_states=hidden, encoder_hidden_states=context, rotary_embedding=rotary)
        return output
    hidden = block.attn1(block.norm1(hidden), rotary_emb=rotary) + hidden
    normed = block.norm2(hidden)
    looked = block.attn2(normed, encoder_hidden_states=context)
    hidden = looked + attended(block.attn2, normed) + hidden
    fed: Tensor = block.ff(block.norm3(hidden))
    return fed + hidden
