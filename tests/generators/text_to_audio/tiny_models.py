"""Text-to-audio models of random weights: the true classes and files, few numbers."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    EncodecConfig,
    EncodecModel,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    T5Config,
    T5Tokenizer,
)

LETTERS = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz,.-'"]


def t5_tokenizer(length: int = 20) -> T5Tokenizer:
    """A tokenizer that spells."""
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), *LETTERS]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=length)


def t5_config(**changed: Any) -> T5Config:
    """Two layers of width 16."""
    shape = {"vocab_size": len(t5_tokenizer()), "d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 2}
    return T5Config(**{**shape, "num_heads": 4, **changed})


def encodec_config(**changed: Any) -> EncodecConfig:
    """A codec of 4 codebooks of 32 entries, 100 frames of 40 samples a second."""
    shape = {
        "target_bandwidths": [4.0],
        "sampling_rate": 4000,
        "audio_channels": 1,
        "hidden_size": 16,
        "num_filters": 4,
        "num_residual_layers": 1,
        "upsampling_ratios": [8, 5],
        "codebook_size": 32,
        "codebook_dim": 16,
        "num_lstm_layers": 1,
        "norm_type": "weight_norm",
        "use_causal_conv": False,
    }
    return EncodecConfig(**{**shape, **changed})


def spread_codebooks(codec: EncodecModel) -> None:
    """Give codebooks entries, which are all zero in a new codec."""
    for layer in codec.quantizer.layers:
        layer.codebook.embed.normal_()


def write_musicgen(folder: Path, *, channels: int = 1) -> Path:
    """A MusicGen with its tokenizer, as `save_pretrained` writes it."""
    torch.manual_seed(0)
    codec = encodec_config()
    decoder = MusicgenDecoderConfig(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        ffn_dim=32,
        num_codebooks=codec.num_quantizers * channels,
        audio_channels=channels,
        pad_token_id=32,
        bos_token_id=32,
        initializer_factor=0.5,  # as drawn by default, weights are so small that no word is heard
    )
    config = MusicgenConfig(
        text_encoder=t5_config().to_dict(), audio_encoder=codec.to_dict(), decoder=decoder.to_dict()
    )
    net = MusicgenForConditionalGeneration(config).eval()
    spread_codebooks(net.audio_encoder)
    net.generation_config.decoder_start_token_id = 32
    net.generation_config.pad_token_id = net.generation_config.bos_token_id = 32
    net.generation_config.guidance_scale = 3.0
    net.generation_config.do_sample = True
    net.save_pretrained(folder)
    t5_tokenizer().save_pretrained(folder)
    return folder


# Of each backend that takes a model, what writes a tiny one.
WRITERS = {"musicgen": write_musicgen}
