"""Writes models of random weights in the layout of Stable Audio Open, by diffusers: all keys, few numbers."""

import warnings
from pathlib import Path

import torch
from diffusers import AutoencoderOobleck, AutoencoderSAME, StableAudioDiTModel, StableAudioProjectionModel
from transformers import T5Config, T5EncoderModel, T5Tokenizer

from tests.generators.small_networks import SHAPE, spoil

OOBLECK = {
    "encoder_hidden_size": 16,
    "downsampling_ratios": [2, 4],
    "channel_multiples": [1, 2],
    "decoder_channels": 4,
    "decoder_input_channels": 8,
    "audio_channels": 2,
    "sampling_rate": 8000,
}
SAME = {
    "patch_size": 4,
    "encoder_channels": 8,
    "encoder_c_mults": [2],
    "encoder_strides": [2],
    "encoder_transformer_depths": [2],
    "latent_dim": 8,
    "dim_heads": 8,
    "sampling_rate": 8000,
}
TEXT_DIM = 32


def write_oobleck(folder: Path) -> None:
    """An autoencoder of 8 numbers a frame of 8 samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        AutoencoderOobleck(**OOBLECK).save_pretrained(str(folder))


def write_same(folder: Path) -> None:
    """An autoencoder of Stable Audio 3 of 8 numbers a frame of 8 samples; no layer is left at zero."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        net = AutoencoderSAME(**SAME)
    spoil(net)
    net.save_pretrained(str(folder))


def write_published(folder: Path) -> Path:
    """A whole pipeline, but for its scheduler, which has no weights."""
    torch.manual_seed(0)
    write_oobleck(folder / "vae")
    StableAudioDiTModel(**SHAPE).save_pretrained(str(folder / "transformer"))
    StableAudioProjectionModel(TEXT_DIM, TEXT_DIM, 0, 512).save_pretrained(str(folder / "projection_model"))
    letters = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz,.-'"]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), *letters]
    tokenizer = T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=20)
    tokenizer.save_pretrained(str(folder / "tokenizer"))
    config = T5Config(vocab_size=len(tokenizer), d_model=TEXT_DIM, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    T5EncoderModel(config).save_pretrained(str(folder / "text_encoder"))
    (folder / "model_index.json").write_text('{"_class_name": "StableAudioPipeline"}')
    return folder
