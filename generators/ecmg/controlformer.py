"""Music ControlFormer: the first blocks of the transformer again, which hear the music of the broad track."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.stable_audio_transformer import StableAudioDiTBlock
from torch import Tensor, nn

from leitmotif.generators.ecmg.blocks import Additions, Rotary, run_block

REFERENCE = "Visuals Music Bridge, arXiv:2412.09428, section 3.3, equations 5 and 6"


class MusicControlFormer(ModelMixin, ConfigMixin):
    """Copies of the first blocks between convolutions that begin as zero.

    Block l of the branch has its own convolution, whose output is added after block l of the transformer.
    As all convolutions are zero at first, an untrained branch changes nothing.

    Args:
        num_layers: How many blocks are copied.
        in_channels: Numbers of a latent frame.
        num_attention_heads: As of the transformer.
        attention_head_dim: As of the transformer.
        num_key_value_attention_heads: As of the transformer.
        cross_attention_dim: As of the transformer.
        noisy_input: Whether the branch hears the noised latents beside the control, as a ControlNet does;
            otherwise the control alone, as equation 6 reads.
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
        noisy_input: bool = True,
    ) -> None:
        super().__init__()
        width = num_attention_heads * attention_head_dim
        self.transformer_blocks = nn.ModuleList(
            StableAudioDiTBlock(
                dim=width,
                num_attention_heads=num_attention_heads,
                num_key_value_attention_heads=num_key_value_attention_heads,
                attention_head_dim=attention_head_dim,
                cross_attention_dim=cross_attention_dim,
            )
            for _ in range(num_layers)
        )
        self.conv_in = zeroed(nn.Conv1d(in_channels, in_channels, 1))
        self.conv_out = nn.ModuleList(zeroed(nn.Conv1d(width, width, 1)) for _ in range(num_layers))

    @classmethod
    def of(cls, transformer: Any, layers: int, *, noisy_input: bool = True) -> Self:
        """Return an untrained branch of a `StableAudioDiTModel`: copies of its first blocks."""
        config = transformer.config
        branch = cls(
            num_layers=layers,
            in_channels=config.in_channels,
            num_attention_heads=config.num_attention_heads,
            attention_head_dim=config.attention_head_dim,
            num_key_value_attention_heads=config.num_key_value_attention_heads,
            cross_attention_dim=config.cross_attention_dim,
            noisy_input=noisy_input,
        )
        for copy, block in zip(branch.transformer_blocks, transformer.transformer_blocks, strict=False):
            copy.load_state_dict(block.state_dict())
        return branch

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
        """Return what is added after the first blocks.

        Args:
            noised: Noised latents, shape (batch, dim, frames).
            control: Latents of the music to follow, of the same shape.
            weight: How much it counts for each row, shape (batch,); 0 adds exactly nothing.
            embed: Makes tokens of latents, as the transformer does.
            context: What cross-attention looks at.
            rotary: Of the positions.
        """
        weight = weight[:, None, None]
        heard = self.conv_in(control) * (weight != 0)
        hidden = embed(noised + heard if self.config.noisy_input else heard)  # (batch, frames + 1, width)
        after = []
        for block, conv in zip(self.transformer_blocks, self.conv_out, strict=True):
            hidden = run_block(block, hidden, context, rotary)
            after.append(conv(hidden.transpose(1, 2)).transpose(1, 2) * weight)
        return Additions(after=after)


def zeroed(module: nn.Module) -> nn.Module:
    """Return a module whose weights are zero."""
    for weight in module.parameters():
        nn.init.zeros_(weight)
    return module
