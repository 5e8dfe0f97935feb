"""The Stylization module: the CLAP embedding of the targeted track as a token beside those of the text."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from leitmotif.generators.ecmg.controlformer import zeroed

REFERENCE = "Visuals Music Bridge, arXiv:2412.09428, section 3.3"


class StylizationModule(ModelMixin, ConfigMixin):
    """Puts the music's embedding, brought into the space of the text, behind the last token of the prompt.

    Stable Audio fills prompts up with zeros, or with a state that it learned, which its cross-attention sees.
    The token takes the place of one of these and begins as what it was, so that an untrained module changes
    nothing; one token more would thin out the attention to all others. A prompt that fills the whole length
    loses its last token.

    Args:
        clap_dim: Length of an embedding.
        cond_dim: Length of a text token.
    """

    @register_to_config
    def __init__(self, clap_dim: int, cond_dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.LayerNorm(clap_dim),
            nn.Linear(clap_dim, cond_dim),
            nn.SiLU(),
            zeroed(nn.Linear(cond_dim, cond_dim)),
        )

    def forward(
        self, text: Tensor, tokens: Tensor, style: Tensor, styled: Tensor, empty: Tensor | None = None
    ) -> Tensor:
        """Return the text states with the token in them.

        Args:
            text: Text states, behind the prompt those of no text, shape (batch, length, cond_dim).
            tokens: Tokens of each prompt, int64 (batch,).
            style: Embeddings, shape (batch, clap_dim).
            styled: Whether a row has one, bool (batch,).
            empty: The state of no text, shape (cond_dim,); None where that is zero.
        """
        token = self.net(style)[:, None]  # (batch, 1, cond_dim)
        if empty is not None:
            token = token + empty
        place = tokens.clamp(max=text.shape[1] - 1)[:, None, None].expand(-1, 1, text.shape[2])
        return torch.where(styled[:, None, None], text.scatter(1, place, token.to(text.dtype)), text)
