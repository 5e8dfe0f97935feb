"""A lighter branch of control: each block looks at the music of the broad track by its own attention."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import torch
import torch.nn.functional as functional
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from leitmotif.generators.ecmg.base import Around, Base, Embed, Rotary, split_heads
from leitmotif.generators.ecmg.blocks import Additions
from leitmotif.generators.ecmg.controlformer import zeroed

REFERENCE = "MuseControlLite: Tsai et al., ICML 2025, arXiv:2506.18729"


class _Adapter(ModelMixin, ConfigMixin):
    """Decoupled cross-attention: the queries of the text's, keys and values of the control, by position.

    What it gives goes through a convolution that begins as zero and is added to the output of the block's
    cross-attention. Queries and keys turn by their place, so that a moment looks at the same moment of the
    control; the paper's melody accuracy rises from 56.6 to 61.1 % by that alone.
    """

    def _hold(
        self, num_layers: int, in_channels: int, *, width: int, tokens: int, keys: int, values: int
    ) -> None:
        """Make the modules, in the order in which they are drawn."""
        self.conv_in = nn.Conv1d(in_channels, tokens, 1)
        self.to_k = nn.ModuleList(nn.Linear(tokens, keys, bias=False) for _ in range(num_layers))
        self.to_v = nn.ModuleList(nn.Linear(tokens, values, bias=False) for _ in range(num_layers))
        self.conv_out = nn.ModuleList(zeroed(nn.Conv1d(width, width, 1)) for _ in range(num_layers))

    def forward(
        self, noised: Tensor, control: Tensor, weight: Tensor, *, base: Base, embed: Embed, around: Around
    ) -> Additions:
        """Return what is added to the cross-attentions; arguments as of `MusicControlFormer.forward`."""
        tokens = self.conv_in(control).transpose(1, 2)  # (batch, frames, tokens' width)
        return Additions(
            attended=[
                partial(
                    self._attend, number=number, base=base, tokens=tokens, rotary=around.rotary, weight=weight
                )
                for number in range(len(self.to_k))
            ]
        )

    def _attend(
        self,
        attention: Any,
        normed: Tensor,
        *,
        number: int,
        base: Base,
        tokens: Tensor,
        rotary: Rotary,
        weight: Tensor,
    ) -> Tensor:
        """Return what a block hears of the control, shape of `normed` (batch, prefix + frames, width)."""
        queries = base.queries(attention, normed)
        heads, head_dim = queries[0].shape[1], queries[0].shape[3]
        to_value: Any = self.to_v[number]
        kv_heads = to_value.out_features // head_dim
        keys = self.to_k[number](tokens).chunk(len(queries), dim=-1)
        value = split_heads(to_value(tokens), kv_heads).repeat_interleave(heads // kv_heads, dim=1)
        there = rotary[0][base.prefix :], rotary[1][base.prefix :]  # the control has no prefix
        found = []
        for query, key in zip(queries, keys, strict=True):
            turned = _turned(query, rotary)
            place = _turned(split_heads(key, kv_heads), there).repeat_interleave(heads // kv_heads, dim=1)
            found.append(functional.scaled_dot_product_attention(turned, place, value))
        heard = found[0] if len(found) == 1 else found[0] - found[1]
        heard = heard.transpose(1, 2).flatten(2)  # (batch, prefix + frames, width)
        said: Tensor = self.conv_out[number](heard.transpose(1, 2)).transpose(1, 2)
        return said * weight[:, None, None]


class MusicControlAdapter(_Adapter):
    """An adapter of Stable Audio Open.

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
        keys = num_key_value_attention_heads * attention_head_dim
        width = num_attention_heads * attention_head_dim
        self._hold(num_layers, in_channels, width=width, tokens=cross_attention_dim, keys=keys, values=keys)

    @classmethod
    def of(cls, transformer: Any) -> Self:
        """Return an untrained adapter of a `StableAudioDiTModel`."""
        config = transformer.config
        return cls(
            num_layers=config.num_layers,
            in_channels=config.in_channels,
            num_attention_heads=config.num_attention_heads,
            attention_head_dim=config.attention_head_dim,
            num_key_value_attention_heads=config.num_key_value_attention_heads,
            cross_attention_dim=config.cross_attention_dim,
        )


class MusicControlAdapter3(_Adapter):
    """An adapter of Stable Audio 3; where its attention is differential, so is that of the adapter.

    Args:
        num_layers: Blocks of the transformer, all of which take part.
        io_channels: Numbers of a latent frame.
        embed_dim: As of the transformer.
        use_differential_attention: As of the transformer.
    """

    @register_to_config
    def __init__(
        self, num_layers: int, io_channels: int, embed_dim: int, use_differential_attention: bool
    ) -> None:
        super().__init__()
        keys = embed_dim * (2 if use_differential_attention else 1)
        self._hold(num_layers, io_channels, width=embed_dim, tokens=embed_dim, keys=keys, values=embed_dim)

    @classmethod
    def of(cls, transformer: Any) -> Self:
        """Return an untrained adapter of a `StableAudio3DiTModel`."""
        config = transformer.config
        return cls(
            num_layers=config.depth,
            io_channels=config.io_channels,
            embed_dim=config.embed_dim,
            use_differential_attention=config.use_differential_attention,
        )


def _turned(states: Tensor, rotary: Rotary) -> Tensor:
    """Return states whose first half of each head is turned by its place, as in the self-attention."""
    size = rotary[0].shape[-1]
    turned = apply_rotary_emb(states[..., :size].float(), rotary, use_real=True, use_real_unbind_dim=-2)
    return torch.cat([turned.to(states.dtype), states[..., size:]], dim=-1)
