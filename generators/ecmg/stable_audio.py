"""Stable Audio Open as a base: its transformer says velocities, and a global token goes before the frames."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from diffusers import StableAudioDiTModel, StableAudioProjectionModel
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from torch import Tensor

from leitmotif.generators.diffusion.objectives import Objective, VPrediction
from leitmotif.generators.diffusion.samplers import Sampler, Solver
from leitmotif.generators.ecmg.adapter import MusicControlAdapter
from leitmotif.generators.ecmg.base import Around, Attended, Conditions, Shape, behind, split_heads
from leitmotif.generators.ecmg.controlformer import MusicControlFormer

REFERENCE = "Evans et al., Stable Audio Open, arXiv:2407.14358"
LONGEST_S = 512.0  # that Stable Audio knows of
_TIME_DIM = 256


class StableAudioBase:
    """A `StableAudioDiTModel` and a `StableAudioProjectionModel` (`leitmotif.generators.ecmg.base.Base`)."""

    PIPELINE: ClassVar[str] = "StableAudioPipeline"
    PARTS: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"transformer": StableAudioDiTModel, "projection_model": StableAudioProjectionModel}
    )
    OBJECTIVE: ClassVar[Objective] = VPrediction()
    EXACT: ClassVar[bool] = False

    def __init__(self, transformer: Any, conditioner: Any) -> None:
        self.transformer, self.projection_model = transformer, conditioner

    @classmethod
    def from_scratch(
        cls, *, frames: int, layers: int, width: int, heads: int, latent_dim: int, text_dim: int
    ) -> StableAudioBase:
        """Return one of random weights."""
        transformer = StableAudioDiTModel(
            sample_size=frames,
            in_channels=latent_dim,
            out_channels=latent_dim,
            num_layers=layers,
            attention_head_dim=width // heads,
            num_attention_heads=heads,
            num_key_value_attention_heads=heads,
            cross_attention_dim=width,
            cross_attention_input_dim=text_dim,
            global_states_input_dim=2 * text_dim,
            time_proj_dim=_TIME_DIM,
        )
        projection = StableAudioProjectionModel(
            text_encoder_dim=text_dim, conditioning_dim=text_dim, min_value=0, max_value=LONGEST_S
        )
        return cls(transformer, projection)

    @staticmethod
    def solver(steps: int, sigma_min: float, sigma_max: float) -> Solver:
        """Return the way from noise to latents."""
        return Sampler(steps, sigma_min, sigma_max)

    @property
    def modules(self) -> tuple[Any, Any]:
        """The modules, in the order of `PARTS`."""
        return self.transformer, self.projection_model

    @property
    def blocks(self) -> Any:
        """The blocks of the transformer, in order."""
        return self.transformer.transformer_blocks

    @property
    def shape(self) -> Shape:
        """How large the transformer is."""
        config = self.transformer.config
        return Shape(
            latent_dim=config.in_channels,
            text_dim=self.projection_model.config.text_encoder_dim,
            token_dim=config.cross_attention_input_dim,
            layers=config.num_layers,
        )

    @property
    def prefix(self) -> int:
        """The global token."""
        return 1

    @property
    def empty(self) -> Tensor | None:
        """None: prompts are filled up with zeros."""
        return None

    def longest(self, rate_hz: float) -> int:
        """Return how many frames the transformer makes at most."""
        return int(self.transformer.config.sample_size)

    def never_learned(self) -> list[Any]:
        """Return the frequencies of the time, which are drawn once."""
        return [self.transformer.time_proj]

    def controlformer(self, layers: int, *, noisy_input: bool) -> MusicControlFormer:
        """Return an untrained branch of control."""
        return MusicControlFormer.of(self.transformer, layers, noisy_input=noisy_input)

    def adapter(self) -> MusicControlAdapter:
        """Return an untrained adapter."""
        return MusicControlAdapter.of(self.transformer)

    def conditions(self, text: Tensor, tokens: Tensor, start_s: Tensor, total_s: Tensor) -> Conditions:
        """Return text and the two times as cross-attention takes them."""
        said = self.projection_model(text_hidden_states=text, start_seconds=start_s, end_seconds=total_s)
        times = (said.seconds_start_hidden_states, said.seconds_end_hidden_states)
        return Conditions(
            text=said.text_hidden_states.masked_fill(behind(text, tokens), 0.0),
            times=torch.cat(times, dim=1),
            overall=torch.cat(times, dim=2),
        )

    def around(self, context: Tensor, time: Tensor, overall: Tensor, frames: int) -> Around:
        """Return what every block is given."""
        size = self.transformer.config.attention_head_dim // 2
        turns = get_1d_rotary_pos_embed(
            size, self.prefix + frames, use_real=True, repeat_interleave_real=False
        )
        cosines, sines = (each.to(context.device) for each in turns)
        return Around(self.transformer.cross_attention_proj(context), (cosines, sines))

    def embed(self, latents: Tensor, time: Tensor, overall: Tensor) -> Tensor:
        """Return the tokens of latents behind the global one, as `StableAudioDiTModel` makes them."""
        net = self.transformer
        moment = net.timestep_proj(net.time_proj(time.to(net.dtype)))[:, None]
        first = net.global_proj(overall) + moment
        frames = net.proj_in((net.preprocess_conv(latents) + latents).transpose(1, 2))
        return torch.cat([first, frames], dim=1)

    def run_block(self, block: Any, hidden: Tensor, around: Around, attended: Attended | None) -> Tensor:
        """Return the hidden states after one block."""
        context, rotary = around.context, around.rotary
        if attended is None:
            output: Tensor = block(
                hidden_states=hidden, encoder_hidden_states=context, rotary_embedding=rotary
            )
            return output
        hidden = block.attn1(block.norm1(hidden), rotary_emb=rotary) + hidden
        normed = block.norm2(hidden)
        looked = block.attn2(normed, encoder_hidden_states=context)
        hidden = looked + attended(block.attn2, normed) + hidden
        fed: Tensor = block.ff(block.norm3(hidden))
        return fed + hidden

    def queries(self, attention: Any, normed: Tensor) -> tuple[Tensor, ...]:
        """Return the queries of a cross-attention."""
        return (split_heads(attention.to_q(normed), self.transformer.config.num_attention_heads),)

    def latents(self, hidden: Tensor) -> Tensor:
        """Return what is said of the latents."""
        hidden = self.transformer.proj_out(hidden).transpose(1, 2)[
            :, :, self.prefix :
        ]  # (batch, dim, frames)
        said: Tensor = self.transformer.postprocess_conv(hidden) + hidden
        return said
