"""Stable Audio 3 as a base: a rectified flow, whose blocks are modulated and see memory tokens."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from diffusers import StableAudio3DiTModel
from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
from torch import Tensor

from leitmotif.generators.diffusion.objectives import FlowMatching, Objective
from leitmotif.generators.diffusion.samplers import EulerSampler, Solver
from leitmotif.generators.ecmg.adapter import MusicControlAdapter3
from leitmotif.generators.ecmg.base import Around, Attended, Conditions, Shape, behind
from leitmotif.generators.ecmg.controlformer import MusicControlFormer3

REFERENCE = "Stable Audio 3, arXiv:2605.17991"


class StableAudio3Base:
    """A `StableAudio3DiTModel` and a `StableAudio3DurationEmbedder` (`leitmotif.generators.ecmg.base.Base`).

    Where in its piece a sound begins it is not told: the published model knows lengths alone.
    """

    PIPELINE: ClassVar[str] = "StableAudio3Pipeline"
    PARTS: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"transformer": StableAudio3DiTModel, "duration_embedder": StableAudio3DurationEmbedder}
    )
    OBJECTIVE: ClassVar[Objective] = FlowMatching()
    EXACT: ClassVar[bool] = True

    def __init__(self, transformer: Any, conditioner: Any) -> None:
        if transformer.config.patch_size != 1:
            raise ValueError(f"its patch_size is {transformer.config.patch_size}; expected 1")
        self.transformer, self.duration_embedder = transformer, conditioner

    @staticmethod
    def solver(steps: int, sigma_min: float, sigma_max: float) -> Solver:
        """Return the way from noise to latents, whose times are the model's own."""
        return EulerSampler(steps)

    @property
    def modules(self) -> tuple[Any, Any]:
        """The modules, in the order of `PARTS`."""
        return self.transformer, self.duration_embedder

    @property
    def blocks(self) -> Any:
        """The blocks of the transformer, in order."""
        return self.transformer.transformer_blocks

    @property
    def shape(self) -> Shape:
        """How large the transformer is."""
        config = self.transformer.config
        return Shape(
            latent_dim=config.io_channels,
            text_dim=config.cond_token_dim,
            token_dim=config.cond_token_dim,
            layers=config.depth,
        )

    @property
    def prefix(self) -> int:
        """The memory tokens."""
        return int(self.transformer.config.num_memory_tokens)

    @property
    def empty(self) -> Tensor | None:
        """What the model learned to see behind prompts."""
        empty: Tensor = self.transformer.prompt_padding_embedding
        return empty

    def longest(self, rate_hz: float) -> int:
        """Return how many frames there are in the longest time that the model knows of."""
        return int(self.duration_embedder.config.max_val * rate_hz)

    def never_learned(self) -> list[Any]:
        """Return what paints into a sound, which is no part of generation."""
        return [block.to_local_embed for block in self.blocks]

    def controlformer(self, layers: int, *, noisy_input: bool) -> MusicControlFormer3:
        """Return an untrained branch of control."""
        return MusicControlFormer3.of(self.transformer, layers, noisy_input=noisy_input)

    def adapter(self) -> MusicControlAdapter3:
        """Return an untrained adapter."""
        return MusicControlAdapter3.of(self.transformer)

    def conditions(self, text: Tensor, tokens: Tensor, start_s: Tensor, total_s: Tensor) -> Conditions:
        """Return text and the length as cross-attention takes them."""
        overall = self.duration_embedder(total_s)  # (batch, token_dim)
        states = torch.where(behind(text, tokens), self.transformer.prompt_padding_embedding, text)
        return Conditions(text=states, times=overall[:, None], overall=overall)

    def around(self, context: Tensor, time: Tensor, overall: Tensor, frames: int) -> Around:
        """Return what every block is given."""
        net = self.transformer
        moment = net.to_timestep_embed(net.timestep_features(time.float()[:, None]).to(net.dtype))
        modulation = net.global_cond_embedder(net.to_global_embed(overall) + moment)  # (batch, 6 * width)
        angles = net.rotary_pos_emb(self.prefix + frames, context.device)
        return Around(net.to_cond_embed(context), (angles.cos(), angles.sin()), angles, modulation)

    def embed(self, latents: Tensor, time: Tensor, overall: Tensor) -> Tensor:
        """Return the tokens of latents behind those of memory, as `StableAudio3DiTModel` makes them."""
        net = self.transformer
        frames: Tensor = net.proj_in((net.preprocess_conv(latents) + latents).transpose(1, 2))
        if not self.prefix:
            return frames
        memory = net.memory_tokens.to(frames.dtype).expand(len(latents), -1, -1)
        return torch.cat([memory, frames], dim=1)

    def run_block(self, block: Any, hidden: Tensor, around: Around, attended: Attended | None) -> Tensor:
        """Return the hidden states after one block."""
        if attended is None:
            output: Tensor = block(
                hidden_states=hidden,
                context=around.context,
                global_modulation=around.modulation,
                rope=around.angles,
            )
            return output
        given = block.to_scale_shift_gate + around.modulation
        scale, shift, gate, scale_fed, shift_fed, gate_fed = given[:, None].chunk(6, dim=-1)
        turned = block.self_attn(block.pre_norm(hidden) * (1 + scale) + shift, rope=around.angles)
        hidden = hidden + turned * torch.sigmoid(1 - gate)
        normed = block.cross_attend_norm(hidden)
        looked = block.cross_attn(normed, context=around.context)
        hidden = hidden + (looked + attended(block.cross_attn, normed))
        fed: Tensor = block.ff(block.ff_norm(hidden) * (1 + scale_fed) + shift_fed)
        return hidden + fed * torch.sigmoid(1 - gate_fed)

    def queries(self, attention: Any, normed: Tensor) -> tuple[Tensor, ...]:
        """Return the queries of a cross-attention, two where it is differential."""
        count = 2 if attention.use_differential else 1
        parts = attention.to_q(normed).chunk(count, dim=-1)
        heads = (each.unflatten(-1, (attention.heads, -1)) for each in parts)
        return tuple(attention.q_norm(each).transpose(1, 2) for each in heads)

    def latents(self, hidden: Tensor) -> Tensor:
        """Return what is said of the latents."""
        hidden = self.transformer.proj_out(hidden[:, self.prefix :]).transpose(1, 2)  # (batch, dim, frames)
        said: Tensor = self.transformer.postprocess_conv(hidden) + hidden
        return said
