"""MS-CLAP in the published format, with a few random weights, and a tokenizer like GPT-2's."""

import json
from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import ClapAudioConfig, GPT2Config

from leitmotif.encoders.ms_clap import front_end
from leitmotif.encoders.ms_clap_network import MsClapNetwork

HTSAT = "audio_encoder.base.htsat."
WORDS = 257
# transformers' names of HTSAT's parts, and the published ones.
_PUBLISHED = {
    "batch_norm.": "bn0.",
    ".layernorm_before.": ".norm1.",
    ".layernorm_after.": ".norm2.",
    ".attention.output.dense.": ".attn.proj.",
    ".attention.self.": ".attn.",
    ".intermediate.dense.": ".mlp.fc1.",
    ".output.dense.": ".mlp.fc2.",
}


def tiny_network(seed: int = 0) -> MsClapNetwork:
    torch.manual_seed(seed)
    audio = ClapAudioConfig(
        hidden_size=32,
        patch_embeds_hidden_size=16,
        depths=[2, 1],
        num_attention_heads=[2, 4],
        num_hidden_layers=2,
    )
    text = GPT2Config(
        vocab_size=WORDS, n_embd=64, n_positions=80, n_head=1, n_layer=2, bos_token_id=None, eos_token_id=None
    )
    net = MsClapNetwork(audio, text, 24).eval()
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
            elif not name.endswith("norm.weight"):
                weight.add_(torch.randn_like(weight) * 0.1)
        net.logit_scale.fill_(3.0)
    return net


def published_weights(net: MsClapNetwork) -> dict[str, torch.Tensor]:
    """Return the weights of a network as they are published, with the constants that are among them."""
    published: dict[str, torch.Tensor] = {}
    for name, tensor in net.state_dict().items():
        if not name.startswith("audio_encoder.base.audio_encoder."):
            published[name] = tensor
            continue
        name = name.removeprefix("audio_encoder.base.audio_encoder.")
        for here, there in _PUBLISHED.items():
            name = name.replace(here, there)
        for part in ("query", "key", "value"):
            if f".{part}." in name:
                name = name.replace(f".{part}.", ".qkv.")
                tensor = torch.cat([published[HTSAT + name], tensor]) if part != "query" else tensor
        published[HTSAT + name] = tensor
    for number in range(2):
        published[f"caption_encoder.base.h.{number}.attn.bias"] = torch.ones(1, 1, 80, 80).tril()
        published[f"caption_encoder.base.h.{number}.attn.masked_bias"] = torch.tensor(-1e4)
    published[f"{HTSAT}logmel_extractor.melW"] = torch.tensor(front_end({}).mel_filters_slaney).float()
    published[f"{HTSAT}spectrogram_extractor.stft.conv_real.weight"] = torch.ones(513, 1, 1024)
    published[f"{HTSAT}layers.0.blocks.1.attn_mask"] = torch.ones(64, 64, 64)
    published[f"{HTSAT}tscam_conv.weight"] = torch.ones(527, 32, 2, 3)
    published[f"{HTSAT}head.weight"] = torch.ones(527, 527)
    return published


def write_tiny_msclap(path: Path, seed: int = 0) -> MsClapNetwork:
    """Write a checkpoint and return the network in it."""
    net = tiny_network(seed)
    torch.save({"model": published_weights(net)}, path)
    return net


def write_tokenizer(folder: Path) -> str:
    """Write a tokenizer that has GPT-2's bytes in their order, and no merges."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = sorted(ByteLevel.alphabet(), key=lambda sign: (ord(sign) not in printable, ord(sign)))
    vocabulary = {sign: number for number, sign in enumerate([*alphabet, "<|endoftext|>"])}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024}
    settings |= {f"{kind}_token": "<|endoftext|>" for kind in ("unk", "bos", "eos")}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return str(folder)
