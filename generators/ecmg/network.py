"""The network: Stable Audio's transformer with a branch of control and the Stylization module."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from torch import Tensor, nn

from leitmotif.generators.ecmg.blocks import Additions, Rotary, run_blocks

REFERENCE = "Visuals Music Bridge, arXiv:2412.09428, section 3.3; Stable Audio Open, arXiv:2407.14358"
# The parts by their folders in a checkpoint; the first two as in the layout of Stable Audio Open.
PARTS = ("transformer", "projection_model", "control", "stylization")


class EcmgNetwork(nn.Module):
    """Says the velocity of noised latents, given text, times, a style and music to follow.

    Args:
        transformer: diffusers' `StableAudioDiTModel`.
        projection_model: diffusers' `StableAudioProjectionModel`, of the states of text and the two times.
        control: `MusicControlFormer` or `MusicControlAdapter`.
        stylization: `StylizationModule`.
        again: Compute activations a second time in the backward pass, rather than keep them.
    """

    def __init__(
        self, transformer: Any, projection_model: Any, control: Any, stylization: Any, *, again: bool = False
    ) -> None:
        super().__init__()
        self.transformer, self.projection_model = transformer, projection_model
        self.control, self.stylization = control, stylization
        self.again = again

    def forward(
        self,
        noised: Tensor,
        time: Tensor,
        *,
        text: Tensor,
        tokens: Tensor,
        style: Tensor,
        styled: Tensor,
        control: Tensor,
        weight: Tensor,
        start_s: Tensor,
        total_s: Tensor,
        keep: Tensor,
    ) -> Tensor:
        """Return the velocity, of the shape of `noised`.

        Args:
            noised: Noised latents, shape (batch, dim, frames).
            time: 0, sound, to 1, noise; shape (batch,).
            text: States of the prompts, zero behind them, shape (batch, length, text_dim).
            tokens: Tokens of each prompt, int64 (batch,).
            style: CLAP embedding of the targeted track, shape (batch, clap_dim).
            styled: Whether a row has one, bool (batch,).
            control: Latents of the broad track, shape (batch, dim, frames).
            weight: How much each row follows it, shape (batch,); 0 not at all.
            start_s: Where in its piece the sound begins, seconds, shape (batch,).
            total_s: How long the piece is, seconds, shape (batch,).
            keep: Whether a row has its conditions, bool (batch,). One without, of classifier-free guidance,
                has neither text nor style nor control: the one mask for both branches.
        """
        context, overall = self.conditions(text, tokens, style, styled, start_s, total_s)
        context = context * keep[:, None, None]
        embed = partial(self.embed, time=time, overall=overall)
        context = self.transformer.cross_attention_proj(context)
        rotary = self.rotary(noised.shape[-1], noised.device)
        added = self._additions(noised, control, weight * keep, embed, context, rotary)
        hidden = run_blocks(
            self.transformer.transformer_blocks, embed(noised), context, rotary, added, again=self.again
        )
        hidden = self.transformer.proj_out(hidden).transpose(1, 2)[:, :, 1:]  # (batch, dim, frames)
        said: Tensor = self.transformer.postprocess_conv(hidden) + hidden
        return said

    def conditions(
        self, text: Tensor, tokens: Tensor, style: Tensor, styled: Tensor, start_s: Tensor, total_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what cross-attention looks at, and the global state.

        Returns:
            (batch, length + 2, cond_dim): text, style and the two times; and (batch, 1, 2 * cond_dim).
        """
        said = self.projection_model(text_hidden_states=text, start_seconds=start_s, end_seconds=total_s)
        behind = torch.arange(text.shape[1], device=text.device) >= tokens[:, None]  # (batch, length)
        states = said.text_hidden_states.masked_fill(behind[..., None], 0.0)
        states = self.stylization(states, tokens, style, styled)
        times = (said.seconds_start_hidden_states, said.seconds_end_hidden_states)
        return torch.cat([states, *times], dim=1), torch.cat(times, dim=2)

    def embed(self, latents: Tensor, time: Tensor, overall: Tensor) -> Tensor:
        """Return the tokens of latents behind the global one, as `StableAudioDiTModel` makes them.

        Args:
            latents: Shape (batch, dim, frames).
            time: Shape (batch,).
            overall: The global state.

        Returns:
            Shape (batch, frames + 1, width).
        """
        net = self.transformer
        moment = net.timestep_proj(net.time_proj(time.to(net.dtype)))[:, None]
        first = net.global_proj(overall) + moment
        frames = net.proj_in((net.preprocess_conv(latents) + latents).transpose(1, 2))
        return torch.cat([first, frames], dim=1)

    def rotary(self, frames: int, device: torch.device) -> Rotary:
        """Return the turns of the global token and of so many frames."""
        size = self.transformer.config.attention_head_dim // 2
        cosines, sines = get_1d_rotary_pos_embed(
            size, frames + 1, use_real=True, repeat_interleave_real=False
        )
        return cosines.to(device), sines.to(device)

    def _additions(
        self, noised: Tensor, control: Tensor, weight: Tensor, embed: Any, context: Tensor, rotary: Rotary
    ) -> Additions:
        if not self.training and not weight.any():
            return Additions()
        added: Additions = self.control(noised, control, weight, embed=embed, context=context, rotary=rotary)
        return added
