"""EmbeddingGemma 2 in the published format, with a few random weights."""

from pathlib import Path

import torch
from transformers import EmbeddingGemma2Config, EmbeddingGemma2Model

from leitmotif.encoders.tokenizers import train_tokenizer

TEXTS = ["a calm piano piece", "loud rock with drums, and then something else that goes on", "qwertz"]


def save_random_gemma(folder: Path, seed: int = 0) -> EmbeddingGemma2Model:
    """Write a folder like the published one, towers for pictures and sound included; return the network."""
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(TEXTS, style="roberta", size=300, max_length=512)
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "global_head_dim": 16,
        "sliding_window_pattern": 2,
        "sliding_window": 4,
        "hidden_size_per_layer_input": 8,
        "embedding_dim": 12,
        "pad_token_id": tokenizer.pad_token_id,
    }
    tower = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = EmbeddingGemma2Config(
        text_config=text,
        vision_config={**tower, "intermediate_size": 16, "num_key_value_heads": 2, "head_dim": 8},
        audio_config={**tower, "subsampling_conv_channels": [4, 2], "output_proj_dims": 16},
    )
    net = EmbeddingGemma2Model(config).eval()
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return net
