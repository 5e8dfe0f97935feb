"""Music ControlFormer: the first blocks of the transformer again, which hear the music of the broad track."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.stable_audio_transformer import StableAudioDiTBlock
from diffusers.models.transformers.transformer_stable_audio3 import StableAudio3DiTBlock
from torch import Tensor, nn

from leitmotif.generators.ecmg.base import Around, Base, Embed
from leitmotif.generators.ecmg.blocks import Additions

REFERENCE = "Visuals Music Bridge, arXiv:2412.09428, section 3.3, equations 5 and 6"


class _ControlFormer(ModelMixin, ConfigMixin):
    """Copies of the first blocks between convolutions that begin as zero.

    Block l of the branch has its own convolution, whose output is added after block l of the transformer.
    As all convolutions are zero at first, an untrained branch changes nothing.
    """

    def _hold(self, blocks: Iterable[nn.Module], in_channels: int, width: int) -> None:
        """Make the modules, in the order in which they are drawn."""
        self.transformer_blocks = nn.ModuleList(blocks)
        self.conv_in = zeroed(nn.Conv1d(in_channels, in_channels, 1))
        self.conv_out = nn.ModuleList(zeroed(nn.Conv1d(width, width, 1)) for _ in self.transformer_blocks)

    def _copy(self, transformer: Any) -> Self:
        """Take the weights of the first blocks, and return this branch."""
        for copy, block in zip(self.transformer_blocks, transformer.transformer_blocks, strict=False):
            weights = block.state_dict()
            copy.load_state_dict({name: weights[name] for name in copy.state_dict()})
        return self

    def forward(
        self, noised: Tensor, control: Tensor, weight: Tensor, *, base: Base, embed: Embed, around: Around
    ) -> Additions:
        """Return what is added after the first blocks.

        Args:
            noised: Noised latents, shape (batch, dim, frames).
            control: Latents of the music to follow, of the same shape.
            weight: How much it counts for each row, shape (batch,); 0 adds exactly nothing.
            base: The transformer.
            embed: Makes tokens of latents, as the transformer does.
            around: What every block is given.
        """
        weight = weight[:, None, None]
        heard = self.conv_in(control) * (weight != 0)
        hidden = embed(noised + heard if self.config.noisy_input else heard)  # (batch, tokens, width)
        after = []
        for block, conv in zip(self.transformer_blocks, self.conv_out, strict=True):
            hidden = base.run_block(block, hidden, around, None)
            after.append(conv(hidden.transpose(1, 2)).transpose(1, 2) * weight)
        return Additions(after=after)


class MusicControlFormer(_ControlFormer):
    """A branch of control of Stable Audio Open: copies of its first blocks.

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
        blocks = (
            StableAudioDiTBlock(
                dim=width,
                num_attention_heads=num_attention_heads,
                num_key_value_attention_heads=num_key_value_attention_heads,
                attention_head_dim=attention_head_dim,
                cross_attention_dim=cross_attention_dim,
            )
            for _ in range(num_layers)
        )
        self._hold(blocks, in_channels, width)

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
        return branch._copy(transformer)


class MusicControlFormer3(_ControlFormer):
    """A branch of control of Stable Audio 3: copies of its first blocks, without what paints into a sound.

    Args:
        num_layers: How many blocks are copied.
        io_channels: Numbers of a latent frame.
        embed_dim: As of the transformer.
        num_heads: As of the transformer.
        ff_mult: As of the transformer.
        use_differential_attention: As of the transformer.
        noisy_input: As of `MusicControlFormer`.
    """

    @register_to_config
    def __init__(
        self,
        num_layers: int,
        io_channels: int,
        embed_dim: int,
        num_heads: int,
        ff_mult: float,
        use_differential_attention: bool,
        noisy_input: bool = True,
    ) -> None:
        super().__init__()
        blocks = [
            StableAudio3DiTBlock(
                dim=embed_dim,
                context_dim=embed_dim,
                dim_heads=embed_dim // num_heads,
                use_differential=use_differential_attention,
                ff_mult=ff_mult,
            )
            for _ in range(num_layers)
        ]
        for block in blocks:
            block.to_local_embed = None  # no example would reach it
        self._hold(blocks, io_channels, embed_dim)

    @classmethod
    def of(cls, transformer: Any, layers: int, *, noisy_input: bool = True) -> Self:
        """Return an untrained branch of a `StableAudio3DiTModel`: copies of its first blocks."""
        config = transformer.config
        branch = cls(
            num_layers=layers,
            io_channels=config.io_channels,
            embed_dim=config.embed_dim,
            num_heads=config.num_heads,
            ff_mult=config.ff_mult,
            use_differential_attention=config.use_differential_attention,
            noisy_input=noisy_input,
        )
        return branch._copy(transformer)


def zeroed(module: nn.Module) -> nn.Module:
    """Return a module whose weights are zero."""
    for weight in module.parameters():
        nn.init.zeros_(weight)
    return module
