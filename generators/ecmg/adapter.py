"""A lighter branch of control: each block looks at the music of the broad track by its own attention."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import torch
import torch.nn.functional as functional
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from leitmotif.generators.ecmg.blocks import Additions, Rotary
from leitmotif.generators.ecmg.controlformer import zeroed

REFERENCE = "MuseControlLite: Tsai et al., ICML 2025, arXiv:2506.18729"


class MusicControlAdapter(ModelMixin, ConfigMixin):
    """Decoupled cross-attention: the queries of the text's, keys and values of the control, by position.

    What it gives goes through a convolution that begins as zero and is added to the output of the block's
    cross-attention. Queries and keys turn by their place, so that a moment looks at the same moment of the
    control; the paper's melody accuracy rises from 56.6 to 61.1 % by that alone.

    Args:
        num_layers: Blocks of the transformer, all of which take part.
        in_channels: Numbers of a latent frame.
        num_attention_heads: As of the transformer.
        attention_head_dim: As of the transformer.
        num_key_value_attention_heads: As of the transformer.
        cross_attention_dim: As of the transformer.
    """

    @register_to_config
    def __init__(
        self,
        num_layers: int,
        in_channels: int,
        num_attention_heads: int,
        attention_head_dim: int,
        num_key_value_attention_heads: int,
        cross_attention_dim: int,
    ) -> None:
        super().__init__()
        width = num_attention_heads * attention_head_dim
        keys = num_key_value_attention_heads * attention_head_dim
        self.conv_in = nn.Conv1d(in_channels, cross_attention_dim, 1)
        self.to_k = nn.ModuleList(nn.Linear(cross_attention_dim, keys, bias=False) for _ in range(num_layers))
        self.to_v = nn.ModuleList(nn.Linear(cross_attention_dim, keys, bias=False) for _ in range(num_layers))
        self.conv_out = nn.ModuleList(zeroed(nn.Conv1d(width, width, 1)) for _ in range(num_layers))

    @classmethod
    def of(cls, transformer: Any) -> Self:
        """Return an untrained branch of a `StableAudioDiTModel`."""
        config = transformer.config
        return cls(
            num_layers=config.num_layers,
            in_channels=config.in_channels,
            num_attention_heads=config.num_attention_heads,
            attention_head_dim=config.attention_head_dim,
            num_key_value_attention_heads=config.num_key_value_attention_heads,
            cross_attention_dim=config.cross_attention_dim,
        )

    def forward(
        self,
        noised: Tensor,
        control: Tensor,
        weight: Tensor,
        *,
        embed: Callable[[Tensor], Tensor],
        context: Tensor,
        rotary: Rotary,
    ) -> Additions:
        """Return what is added to the cross-attentions; arguments as of `MusicControlFormer.forward`."""
        tokens = self.conv_in(control).transpose(1, 2)  # (batch, frames, cross_attention_dim)
        layers = range(self.config.num_layers)
        return Additions(
            attended=[
                partial(self._attend, number=number, tokens=tokens, rotary=rotary, weight=weight)
                for number in layers
            ]
        )

    def _attend(
        self, attention: Any, normed: Tensor, *, number: int, tokens: Tensor, rotary: Rotary, weight: Tensor
    ) -> Tensor:
        """Return what a block hears of the control, shape of `normed` (batch, frames + 1, width)."""
        heads = self.config.num_attention_heads
        query = _heads(attention.to_q(normed), heads)
        kv_heads = self.config.num_key_value_attention_heads
        key = _heads(self.to_k[number](tokens), kv_heads)
        value = _heads(self.to_v[number](tokens), kv_heads)
        query = _turned(query, rotary)
        key = _turned(key, (rotary[0][1:], rotary[1][1:]))  # the control has no global token
        key, value = (each.repeat_interleave(heads // kv_heads, dim=1) for each in (key, value))
        heard = functional.scaled_dot_product_attention(query, key, value)
        heard = heard.transpose(1, 2).flatten(2)  # (batch, frames + 1, width)
        said: Tensor = self.conv_out[number](heard.transpose(1, 2)).transpose(1, 2)
        return said * weight[:, None, None]


def _heads(states: Tensor, heads: int) -> Tensor:
    """Return (batch, tokens, heads * dim) as (batch, heads, tokens, dim)."""
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)


def _turned(states: Tensor, rotary: Rotary) -> Tensor:
    """Return states whose first half of each head is turned by its place, as in the self-attention."""
    size = rotary[0].shape[-1]
    turned = apply_rotary_emb(states[..., :size].float(), rotary, use_real=True, use_real_unbind_dim=-2)
    return torch.cat([turned.to(states.dtype), states[..., size:]], dim=-1)
