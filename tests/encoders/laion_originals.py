"""Random weights in the format of LAION's `.pt` files, of true architecture, written without the package."""

import json
import re
from pathlib import Path

import numpy as np
import torch
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import ClapConfig, ClapModel

# The inverse of what the converter does, written down apart from it.
_BLOCK = {
    "layernorm_before": "norm1", "layernorm_after": "norm2", "attention.output.dense": "attn.proj",
    "attention.self": "attn", "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2",
}  # fmt: skip
TINY_AUDIO = {
    "patch_embeds_hidden_size": 8, "hidden_size": 16, "depths": [2, 1], "num_attention_heads": [1, 2],
    "num_hidden_layers": 2, "window_size": 8, "projection_dim": 16,
}  # fmt: skip
TINY_TEXT = {
    "vocab_size": 300, "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1,
    "intermediate_size": 32, "max_position_embeddings": 80, "layer_norm_eps": 1e-5, "projection_dim": 16,
}  # fmt: skip


def random_model(*, fused: bool = False) -> ClapModel:
    """A tiny CLAP whose every weight matters."""
    torch.manual_seed(3)
    fusion = {"enable_fusion": fused, "fusion_type": "aff_2d" if fused else None}
    config = ClapConfig(
        audio_config=TINY_AUDIO | fusion, text_config=TINY_TEXT, projection_dim=TINY_AUDIO["projection_dim"]
    )
    model = ClapModel(config).eval()
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if "running_var" in name:
            tensor.uniform_(50.0, 100.0) if "batch_norm" in name else tensor.uniform_(0.5, 1.5)
        elif "running_mean" in name:
            tensor.uniform_(-40.0, -30.0) if "batch_norm" in name else tensor.uniform_(-0.5, 0.5)
        elif "logit_scale" not in name:
            tensor.add_(0.1 * torch.randn_like(tensor))
    return model


def original_state(model: ClapModel) -> dict[str, Tensor]:
    """The weights by their original names, with all that the files hold beside them."""
    own = dict(model.state_dict())
    state = {
        "audio_branch.spectrogram_extractor.stft.conv_real.weight": torch.zeros(513, 1, 8),
        "audio_branch.logmel_extractor.melW": torch.zeros(513, 64),
        "audio_branch.tscam_conv.weight": torch.zeros(527, TINY_AUDIO["hidden_size"], 2, 3),
        "audio_branch.head.weight": torch.zeros(5, 5),
        "audio_branch.layers.0.blocks.1.attn_mask": torch.zeros(64, 64, 64),
        "audio_transform.sequential.0.weight": torch.zeros(16, 16),
        "text_transform.sequential.3.bias": torch.zeros(16),
    }
    for name in list(own):
        if ".self.query." in name and name.startswith("audio_model."):
            parts = [own.pop(name.replace("query", part)) for part in ("query", "key", "value")]
            state[_original_name(name).replace("query", "qkv")] = torch.cat(parts)
    return state | {_original_name(name): tensor.clone() for name, tensor in own.items()}


def _original_name(name: str) -> str:
    for side in ("audio", "text"):
        name = name.replace(f"{side}_projection.linear1", f"{side}_projection.0")
        name = name.replace(f"{side}_projection.linear2", f"{side}_projection.2")
    if not name.startswith("audio_model."):
        return name.replace("text_model.", "text_branch.")
    name = name.replace("audio_model.audio_encoder.", "audio_branch.").replace(".batch_norm.", ".bn0.")
    for new, old in _BLOCK.items():
        name = re.sub(rf"(blocks\.\d+)\.{re.escape(new)}\.", rf"\1.{old}.", name)
    return name.replace("audio_branch.batch_norm.", "audio_branch.bn0.")


def save_original(path: Path, state: dict[str, Tensor]) -> None:
    """Write a checkpoint as the training of the originals did: from several GPUs, with its optimizer."""
    document = {
        "epoch": 15,
        "name": "a-run",
        "best": np.float64(0.9),
        "state_dict": {f"module.{name}": tensor for name, tensor in state.items()},
        "optimizer": {"state": {0: {"step": 3, "exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": 1e-4}]},
    }
    torch.save(document, path)


def save_roberta_tokenizer(folder: Path) -> Path:
    """Write a tokenizer of RoBERTa's kind that spells every text byte by byte."""
    folder.mkdir(parents=True, exist_ok=True)
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    tokens = [*specials, *sorted(pre_tokenizers.ByteLevel.alphabet()), "th", "<mask>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\nt h\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "RobertaTokenizer", "model_max_length": 512})
    )
    return folder
