"""The network: a transformer of Stable Audio with a branch of control and the Stylization module."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from leitmotif.generators.ecmg.base import Around, Base, Embed
from leitmotif.generators.ecmg.blocks import Additions, run_blocks

REFERENCE = "Visuals Music Bridge, arXiv:2412.09428, section 3.3; Stable Audio Open, arXiv:2407.14358"
# Folders in a checkpoint of what is added to a base.
ADDED = ("control", "stylization")


class EcmgNetwork(nn.Module):
    """Says what is between noised latents and sound, given text, times, a style and music to follow.

    Args:
        base: The transformer with what embeds its times, which are parts by the names of their folders.
        control: Its branch of control, such as `MusicControlFormer`.
        stylization: `StylizationModule`.
        again: Compute activations a second time in the backward pass, rather than keep them.
    """

    def __init__(self, base: Base, control: Any, stylization: Any, *, again: bool = False) -> None:
        super().__init__()
        self.kind = type(base)
        for name, module in zip(self.kind.PARTS, base.modules, strict=True):
            self.add_module(name, module)
        self.control, self.stylization = control, stylization
        self.again = again

    @property
    def base(self) -> Base:
        """The transformer with what embeds its times, as the parts are now."""
        transformer, conditioner = (getattr(self, name) for name in self.kind.PARTS)
        return self.kind(transformer, conditioner)

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
        """Return what the base's objective has it say, of the shape of `noised`.

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
        base = self.base
        context, overall = self.conditions(text, tokens, style, styled, start_s, total_s)
        context = context * keep[:, None, None]
        embed = partial(base.embed, time=time, overall=overall)
        around = base.around(context, time, overall, noised.shape[-1])
        added = self._additions(noised, control, weight * keep, base, embed, around)
        return base.latents(run_blocks(base, embed(noised), around, added, again=self.again))

    def conditions(
        self, text: Tensor, tokens: Tensor, style: Tensor, styled: Tensor, start_s: Tensor, total_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what cross-attention looks at, and the global state.

        Returns:
            (batch, length + times, token_dim): text, style and times; and the state, as the base has it.
        """
        base = self.base
        said = base.conditions(text, tokens, start_s, total_s)
        states = self.stylization(said.text, tokens, style, styled, base.empty)
        return torch.cat([states, said.times], dim=1), said.overall

    def _additions(
        self, noised: Tensor, control: Tensor, weight: Tensor, base: Base, embed: Embed, around: Around
    ) -> Additions:
        if not self.training and not weight.any():
            return Additions()
        added: Additions = self.control(noised, control, weight, base=base, embed=embed, around=around)
        return added
