"""Reads models of audiocraft, as it publishes AudioGen: into the classes of transformers' MusicGen.

A model is two files of `torch.save`, each with its weights under `best_state` and its settings, YAML,
under `xp.cfg`. Sizes are taken from the weights; of the settings only what no weight shows.

Reference:
    The names are those of `utils/export.py`, `models/lm.py` and `modules/seanet.py` of audiocraft.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
)

from leitmotif.weights.load import fill, read_text, read_weights

LANGUAGE, CODEC = "state_dict.bin", "compression_state_dict.bin"
_WEIGHTS, _SETTINGS = "best_state", "xp.cfg"

Weights = Mapping[str, Tensor]

# From audiocraft's names to those of transformers, one after the other.
CODEC_NAMES = (
    (r"^(encoder|decoder)\.model\.", r"\1.layers."),
    (r"\.conv\.conv\.", ".conv."),
    (r"\.convtr\.convtr\.", ".conv."),
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
    (r"^quantizer\.vq\.layers\.(\d+)\._codebook\.", r"quantizer.layers.\1.codebook."),
)
LANGUAGE_NAMES = (
    (r"^emb\.", "model.decoder.embed_tokens."),
    (r"^linears\.", "lm_heads."),
    (r"^out_norm\.", "model.decoder.layer_norm."),
    (r"^transformer\.layers\.", "model.decoder.layers."),
    (r"\.cross_attention\.", ".encoder_attn."),
    (r"\.linear1\.", ".fc1."),
    (r"\.linear2\.", ".fc2."),
    (r"\.norm1\.", ".self_attn_layer_norm."),
    (r"\.norm_cross\.", ".encoder_attn_layer_norm."),
    (r"\.norm2\.", ".final_layer_norm."),
)
_PROJECTION = "condition_provider.conditioners.description.output_proj."
_TOGETHER = ".in_proj_weight"  # queries, keys and values, one above the other


def read_audiocraft(folder: Path, text_encoder: Any) -> Any:
    """Return a `MusicgenForConditionalGeneration` with the weights of a model of audiocraft, in float32.

    Args:
        folder: Holds `state_dict.bin` and `compression_state_dict.bin`.
        text_encoder: The `T5EncoderModel` that it was trained with, which it does not hold.

    Raises:
        BadModel: A file is no checkpoint, or holds something else.
        ValueError: A weight is missing, unknown or of another shape.
    """
    language, language_settings = _read(folder / LANGUAGE)
    codec, codec_settings = _read(folder / CODEC)
    codec_config = _codec_config(codec, codec_settings)
    decoder_config = _decoder_config(language, language_settings)
    config = MusicgenConfig(
        text_encoder=text_encoder.config.to_dict(),
        audio_encoder=codec_config.to_dict(),
        decoder=decoder_config.to_dict(),
    )
    if text_encoder.config.hidden_size == decoder_config.hidden_size:
        raise ValueError("its words are as wide as its sounds, for which transformers has no projection")
    net = MusicgenForConditionalGeneration(config)
    fill(net.audio_encoder, renamed(codec, CODEC_NAMES))
    heard = {name.removeprefix(_PROJECTION): each for name, each in language.items() if _PROJECTION in name}
    fill(net.enc_to_dec_proj, heard)
    said = {name: each for name, each in language.items() if _PROJECTION not in name}
    fill(net.decoder, renamed(_apart(said), LANGUAGE_NAMES) | _computed(net.decoder))
    net.text_encoder = text_encoder
    start = decoder_config.bos_token_id
    generation = net.generation_config
    generation.decoder_start_token_id = generation.pad_token_id = generation.bos_token_id = start
    return net.float()


def renamed(weights: Weights, names: tuple[tuple[str, str], ...]) -> dict[str, Tensor]:
    """Return weights by their names of transformers.

    Args:
        weights: Weights by their names of audiocraft.
        names: Patterns and what stands in their place, one after the other.
    """
    found = {}
    for name, weight in weights.items():
        for pattern, instead in names:
            name = re.sub(pattern, instead, name)
        found[name] = weight
    return found


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    weights = {name: each.float() for name, each in read_weights(path, _WEIGHTS).items()}
    settings = yaml.safe_load(read_text(path, _SETTINGS))
    if not isinstance(settings, dict):
        raise ValueError(f"{path.name} holds no settings under {_SETTINGS!r}")
    return weights, settings


def _apart(weights: Weights) -> dict[str, Tensor]:
    """Return weights with queries, keys and values each by itself."""
    found = {}
    for name, weight in weights.items():
        if not name.endswith(_TOGETHER):
            found[name] = weight
            continue
        for part, each in zip("qkv", weight.chunk(3), strict=True):
            found[f"{name.removesuffix(_TOGETHER)}.{part}_proj.weight"] = each
    return found


def _computed(decoder: Any) -> dict[str, Tensor]:
    """Return what a decoder computes by itself: the sines of positions."""
    return {name: each for name, each in decoder.state_dict().items() if "embed_positions" in name}


def _count(weights: Weights, pattern: str) -> int:
    """Return how many numbers a pattern finds in the names."""
    return len({match[1] for name in weights if (match := re.match(pattern, name))})


def _codec_config(weights: Weights, settings: Mapping[str, Any]) -> EncodecConfig:
    network = settings["seanet"]
    ratios = [int(ratio) for ratio in network["ratios"]]
    rate_hz = int(settings["sample_rate"])
    books = _count(weights, r"quantizer\.vq\.layers\.(\d+)\.")
    entries, dim = weights["quantizer.vq.layers.0._codebook.embed"].shape
    first = weights["encoder.model.0.conv.conv.weight_v"]  # (filters, channels, kernel)
    frame_rate = rate_hz / math.prod(ratios)
    return EncodecConfig(
        # The bandwidth that gives so many codebooks, half of one more for what rounding takes.
        target_bandwidths=[(books + 0.5) * frame_rate * math.ceil(math.log2(entries)) / 1000],
        sampling_rate=rate_hz,
        audio_channels=first.shape[1],
        hidden_size=dim,
        codebook_dim=dim,
        codebook_size=entries,
        num_filters=first.shape[0],
        num_residual_layers=int(network["n_residual_layers"]),
        upsampling_ratios=ratios,
        norm_type="weight_norm",
        kernel_size=first.shape[2],
        last_kernel_size=int(network["last_kernel_size"]),
        residual_kernel_size=int(network["residual_kernel_size"]),
        dilation_growth_rate=int(network["dilation_base"]),
        use_causal_conv=bool(settings["encodec"]["causal"]),
        pad_mode=str(network["pad_mode"]),
        compress=int(network["compress"]),
        num_lstm_layers=_count(weights, r"encoder\.model\.\d+\.lstm\.weight_ih_l(\d+)"),
        use_conv_shortcut=not network["true_skip"],
        normalize=bool(settings["encodec"]["renormalize"]),
    )


def _decoder_config(weights: Weights, settings: Mapping[str, Any]) -> MusicgenDecoderConfig:
    rows, width = weights["emb.0.weight"].shape  # an entry more than the codebook has: no sound yet
    return MusicgenDecoderConfig(
        vocab_size=rows - 1,
        hidden_size=width,
        num_hidden_layers=_count(weights, r"transformer\.layers\.(\d+)\."),
        num_attention_heads=int(settings["transformer_lm"]["num_heads"]),
        ffn_dim=weights["transformer.layers.0.linear1.weight"].shape[0],
        num_codebooks=_count(weights, r"emb\.(\d+)\."),
        audio_channels=1,
        bos_token_id=rows - 1,
        pad_token_id=rows - 1,
    )
