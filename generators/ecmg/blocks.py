"""What a control branch adds to the blocks of a transformer, and how they run with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from leitmotif.generators.ecmg.base import Around, Attended, Base


@dataclass(frozen=True)
class Additions:
    """What a branch adds; block l takes the l-th of each, later ones nothing.

    Attributes:
        after: Added after a block, shape (batch, prefix + frames, width): equation 5 of Visuals Music Bridge.
        attended: Added to a block's cross-attention.
    """

    after: Sequence[Tensor] = field(default_factory=tuple)
    attended: Sequence[Attended] = field(default_factory=tuple)


def run_blocks(
    base: Base, hidden: Tensor, around: Around, additions: Additions, *, again: bool = False
) -> Tensor:
    """Return the hidden states after all blocks.

    Args:
        base: Whose blocks.
        hidden: Shape (batch, prefix + frames, width).
        around: What every block is given.
        additions: What the control branch adds.
        again: Compute activations a second time in the backward pass, rather than keep them.
    """
    for number, block in enumerate(base.blocks):
        attended = additions.attended[number] if number < len(additions.attended) else None
        if again and hidden.requires_grad:
            output: Any = checkpoint(base.run_block, block, hidden, around, attended, use_reentrant=False)
            hidden = output
        else:
            hidden = base.run_block(block, hidden, around, attended)
        if number < len(additions.after):
            hidden = hidden + additions.after[number]
    return hidden
