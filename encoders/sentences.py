"""What encoders of sentences share."""

from __future__ import annotations

import torch


def mean_of_tokens(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean state over each text's own tokens, shape (texts, tokens, dim) to (texts, dim).

    Args:
        states: Shape (texts, tokens, dim).
        mask: 1 where a token is the text's own, 0 where it fills up, shape (texts, tokens).
    """
    own = mask.unsqueeze(-1).to(states.dtype)
    return (states * own).sum(dim=1) / own.sum(dim=1)
