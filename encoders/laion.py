"""The CLAP checkpoints that LAION publishes as `.pt` files, loaded as transformers' `ClapModel`.

What is published: `music_audioset_epoch_15_esc_90.14.pt` and `music_speech_*.pt` (HTSAT-base),
`630k-audioset-best.pt` and `630k-best.pt` (HTSAT-tiny), `630k-*fusion-best.pt` (HTSAT-tiny with feature
fusion); each with RoBERTa-base as its text tower. Sizes and fusion are read from the shapes of the weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import AutoTokenizer, ClapConfig, ClapFeatureExtractor, ClapModel

from leitmotif.weights.hub import tokenizer_folder
from leitmotif.weights.load import fill, loading, read_weights
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import BadModel

MODEL_ID = "lukewys/laion_clap"
REVISION = "b3708341862f581175dba5c356a4ebf74a9b6651"
LICENSE = "CC0-1.0"
RATE_HZ = 48_000  # of the sound that all of LAION's models were trained on
REFERENCE = "Wu et al., Large-scale contrastive language-audio pretraining, ICASSP 2023, arXiv:2211.06687"
TOKENIZER_ID = "FacebookAI/roberta-base"
MAX_TOKENS = 77  # of a text: what the text tower was trained on

_SPEC_SIZE = 256  # side of the picture that HTSAT makes of a spectrogram; no weight has this size
_HEAD_SIZE = 64  # of RoBERTa; no weight has this size either
_ROBERTA_EPS = 1e-5
_ENCODER = "audio_model.audio_encoder."
# Parts of an original name and what they are called in `ClapModel`, applied in order.
_RENAMED = (
    (r"^audio_branch\.bn0\.", _ENCODER + "batch_norm."),
    (r"^audio_branch\.", _ENCODER),
    (r"^text_branch\.", "text_model."),
    (r"^(audio|text)_projection\.0\.", r"\1_projection.linear1."),
    (r"^(audio|text)_projection\.2\.", r"\1_projection.linear2."),
    (r"(blocks\.\d+)\.norm1\.", r"\1.layernorm_before."),
    (r"(blocks\.\d+)\.norm2\.", r"\1.layernorm_after."),
    (r"(blocks\.\d+)\.attn\.proj\.", r"\1.attention.output.dense."),
    (r"(blocks\.\d+)\.attn\.", r"\1.attention.self."),
    (r"(blocks\.\d+)\.mlp\.fc1\.", r"\1.intermediate.dense."),
    (r"(blocks\.\d+)\.mlp\.fc2\.", r"\1.output.dense."),
)
# The front end, which is computed elsewhere; AudioSet's classifier; training-time projections; fixed tables.
_UNUSED = re.compile(
    r"^audio_branch\.(spectrogram_extractor|logmel_extractor|tscam_conv|head)\."
    r"|^(audio|text)_transform\."
    r"|\.(attn_mask|relative_position_index|position_ids|token_type_ids)$"
)
_COMPUTED = re.compile(r"\.(relative_position_index|position_ids|token_type_ids)$")


def load_laion(path: Path) -> ClapModel:
    """Return the model of an original checkpoint, in float32, with every weight accounted for.

    Raises:
        BadModel: The file is broken, no LAION checkpoint, or of an architecture other than HTSAT and RoBERTa.
    """
    state = {
        name.removeprefix("module."): tensor for name, tensor in read_weights(path, "state_dict").items()
    }
    try:
        model = ClapModel(laion_config(state))
        computed = {name: tensor for name, tensor in model.state_dict().items() if _COMPUTED.search(name)}
        fill(model, convert_laion(state) | computed)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        said = f"no weight {error}" if isinstance(error, KeyError) else str(error)
        raise BadModel(
            f"got {str(path)!r}, which does not load as LAION's CLAP ({said}); expected a checkpoint with "
            "HTSAT as audio_branch and RoBERTa as text_branch"
        ) from error
    return model


def laion_config(state: Mapping[str, Tensor]) -> ClapConfig:
    """Read the architecture off the shapes of a checkpoint's weights.

    Args:
        state: The weights by their original names, without "module.".

    Raises:
        KeyError: A weight that gives a size is missing.
    """
    patches = state["audio_branch.patch_embed.proj.weight"]  # (embed, 1, patch, patch)
    embed = patches.shape[0]
    depths = [
        _count(state, rf"^audio_branch\.layers\.{layer}\.blocks\.(\d+)\.")
        for layer in range(_count(state, r"^audio_branch\.layers\.(\d+)\."))
    ]
    tables = [
        state[f"audio_branch.layers.{layer}.blocks.0.attn.relative_position_bias_table"]
        for layer in range(len(depths))
    ]  # each ((2 * window - 1)^2, heads)
    words, positions = (
        state[f"text_branch.embeddings.{kind}_embeddings.weight"] for kind in ("word", "position")
    )
    audio = {
        "num_mel_bins": state["audio_branch.bn0.weight"].shape[0],
        "spec_size": _SPEC_SIZE,
        "patch_size": patches.shape[-1],
        "patch_stride": [patches.shape[-1]] * 2,
        "patch_embeds_hidden_size": embed,
        "hidden_size": embed * 2 ** (len(depths) - 1),
        "depths": depths,
        "num_hidden_layers": len(depths),
        "num_attention_heads": [table.shape[1] for table in tables],
        "window_size": (math.isqrt(tables[0].shape[0]) + 1) // 2,
        "mlp_ratio": state["audio_branch.layers.0.blocks.0.mlp.fc1.weight"].shape[0] / embed,
        "enable_fusion": is_fused(state),
        "fusion_type": "aff_2d" if is_fused(state) else None,
        "projection_dim": state["audio_projection.2.weight"].shape[0],
    }
    text = {
        "vocab_size": words.shape[0],
        "hidden_size": words.shape[1],
        "num_hidden_layers": _count(state, r"^text_branch\.encoder\.layer\.(\d+)\."),
        "num_attention_heads": words.shape[1] // _HEAD_SIZE,
        "intermediate_size": state["text_branch.encoder.layer.0.intermediate.dense.weight"].shape[0],
        "max_position_embeddings": positions.shape[0],
        "layer_norm_eps": _ROBERTA_EPS,
        "projection_dim": state["text_projection.2.weight"].shape[0],
    }
    return ClapConfig(audio_config=audio, text_config=text, projection_dim=audio["projection_dim"])


def convert_laion(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights by the names of `ClapModel`, with queries, keys and values apart.

    Their shapes stay, but for the one tensor (3 * width, …) of a block that becomes three of (width, …).

    Args:
        state: The weights by their original names, without "module.". What `ClapModel` has no use for is left
            out; a name that is not known is kept as it is.
    """
    converted: dict[str, Tensor] = {}
    for original, tensor in state.items():
        if _UNUSED.search(original):
            continue
        name = original
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        if ".attention.self.qkv." in name:
            # (3 * width, …) into three of (width, …)
            for part, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                converted[name.replace(".qkv.", f".{part}.")] = third
        else:
            converted[name] = tensor
    return converted


def is_fused(state: Mapping[str, Tensor]) -> bool:
    """Tell whether a checkpoint, weights of any shape by name, fuses features of long sound."""
    return "audio_branch.patch_embed.mel_conv2d.weight" in state


def laion_extractor(*, fused: bool) -> ClapFeatureExtractor:
    """Return the front end of the original models; all have the same but for the filters."""
    return ClapFeatureExtractor(
        sampling_rate=RATE_HZ,
        feature_size=64,
        fft_window_size=1024,
        hop_length=480,
        max_length_s=10,
        frequency_min=50,
        frequency_max=14_000,
        truncation="fusion" if fused else "rand_trunc",
        padding="repeatpad",
    )


def laion_tokenizer(where: str | None = None) -> Any:
    """Return RoBERTa's tokenizer, which the files do not hold.

    Args:
        where: A folder or a hub id; by default the hub's own.

    Raises:
        BadModel: It is neither here nor can it be fetched.
    """
    where = where or TOKENIZER_ID
    folder = tokenizer_folder(where, pinned(where))
    with loading(where, "a tokenizer", "a folder or hub id with RoBERTa's vocab.json and merges.txt"):
        return AutoTokenizer.from_pretrained(folder)


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """Return one more than the highest number that a pattern finds in the names; 0 where it finds none."""
    found = [int(match[1]) for name in state if (match := re.match(pattern, name))]
    return max(found, default=-1) + 1
