"""The network of MS-CLAP 2023 from parts of `transformers`: HTSAT hears, GPT-2 reads, into one space."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import nn
from transformers import ClapAudioConfig, ClapAudioModel, GPT2Config, GPT2Model

from leitmotif.encoders.laion import convert_laion

MELS = 64  # bands of its spectrogram; no weight has this size
MEL_FILTERS = "audio_encoder.base.htsat.logmel_extractor.melW"  # where a checkpoint has them

_HTSAT = "audio_encoder.base.htsat."
# What is not learned: a checkpoint may have it or not, and the network has its own.
_CONSTANT = re.compile(r"\.(relative_position_index|num_batches_tracked)$|\.attn\.(bias|masked_bias)$")


class Projection(nn.Module):
    """Two linear layers with a short cut, into the shared space."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, dim, bias=False)
        self.linear2 = nn.Linear(dim, dim, bias=False)
        self.layer_norm = nn.LayerNorm(dim)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """Project, shape (n, width) to (n, dim)."""
        first = self.linear1(pooled)
        return self.layer_norm(first + self.linear2(nn.functional.gelu(first)))


class Tower(nn.Module):
    """A model and the projection of what it makes of its input."""

    def __init__(self, base: nn.Module, projection: Projection) -> None:
        super().__init__()
        self.base = base
        self.projection = projection


class MsClapNetwork(nn.Module):
    """MS-CLAP with random weights.

    Args:
        audio: Configuration of HTSAT.
        text: Configuration of GPT-2.
        dim: Length of an embedding in the shared space.
    """

    def __init__(self, audio: ClapAudioConfig, text: GPT2Config, dim: int) -> None:
        super().__init__()
        self.audio_encoder = Tower(ClapAudioModel(audio), Projection(audio.hidden_size, dim))
        self.caption_encoder = Tower(GPT2Model(text), Projection(text.n_embd, dim))
        self.logit_scale = nn.Parameter(torch.tensor(0.0))

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        """Embed log-mel spectrograms in dB, shape (windows, 1, frames, 64) to (windows, dim)."""
        pooled = self.audio_encoder.base(input_features=mel).pooler_output
        return self.audio_encoder.projection(pooled)

    def embed_tokens(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Embed texts by the last token that is not 0, shape (texts, tokens) to (texts, dim)."""
        states = self.caption_encoder.base(input_ids=ids, attention_mask=mask).last_hidden_state
        last = ids.ne(0).sum(dim=-1) - 1
        return self.caption_encoder.projection(states[torch.arange(len(ids), device=ids.device), last])


def network_of(weights: Mapping[str, torch.Tensor]) -> MsClapNetwork:
    """Return the network, with random weights, whose sizes are the shapes of published weights.

    Raises:
        ValueError: The weights are not of such a network.
    """
    try:
        return _network_of(weights)
    except (KeyError, IndexError, TypeError, ZeroDivisionError) as error:
        raise ValueError(f"{error} is not among its weights") from error


def _network_of(weights: Mapping[str, torch.Tensor]) -> MsClapNetwork:
    blocks = [
        (int(found[1]), table.shape)
        for name, table in weights.items()
        if (found := re.fullmatch(rf"{_HTSAT}layers\.(\d+)\..*\.relative_position_bias_table", name))
    ]
    heads = dict(sorted((layer, shape[1]) for layer, shape in blocks))
    patches = weights[f"{_HTSAT}patch_embed.proj.weight"].shape  # (width, 1, patch, patch)
    audio = ClapAudioConfig(
        hidden_size=patches[0] << (len(heads) - 1),
        patch_embeds_hidden_size=patches[0],
        patch_size=patches[2],
        window_size=(round(blocks[0][1][0] ** 0.5) + 1) // 2,  # a table has (2 window - 1)^2 rows
        depths=[sum(layer == other for other, _ in blocks) for layer in heads],
        num_attention_heads=list(heads.values()),
        num_hidden_layers=len(heads),
        num_mel_bins=MELS,
    )
    words = weights["caption_encoder.base.wte.weight"].shape
    text = GPT2Config(
        vocab_size=words[0],
        n_embd=words[1],
        n_positions=weights["caption_encoder.base.wpe.weight"].shape[0],
        n_head=words[1] // 64,  # every published GPT-2 has heads of 64
        n_layer=sum(name.endswith(".attn.c_attn.weight") for name in weights),
        bos_token_id=None,
        eos_token_id=None,
    )
    return MsClapNetwork(audio, text, len(weights["audio_encoder.projection.layer_norm.weight"]))


def from_published(weights: Mapping[str, torch.Tensor], net: MsClapNetwork) -> dict[str, torch.Tensor]:
    """Return published weights, in their shapes, by a network's names, with its own constants among them."""
    # The encoder of sound is that of LAION's checkpoints, under another prefix.
    htsat = {name.replace(_HTSAT, "audio_branch."): weights[name] for name in weights if _HTSAT in name}
    renamed = {name: tensor for name, tensor in weights.items() if _HTSAT not in name}
    for name, tensor in convert_laion(htsat).items():
        renamed[name.replace("audio_model.", "audio_encoder.base.", 1)] = tensor
    learned = {name: tensor for name, tensor in renamed.items() if not _CONSTANT.search(name)}
    return learned | {name: tensor for name, tensor in net.state_dict().items() if _CONSTANT.search(name)}
