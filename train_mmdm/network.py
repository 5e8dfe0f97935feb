"""The network: InternVL, pretrained or, for `tiny`, from scratch; with adapters on the language model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from transformers import InternVLConfig, InternVLForConditionalGeneration, InternVLVisionConfig, Qwen2Config

from train_mmdm.settings import LORA_TARGETS, Settings
from training.errors import TrainingInputError

REFERENCE = "InternVL3: Zhu et al., arXiv:2504.10479; LoRA: Hu et al., arXiv:2106.09685"
TINY_VISION = {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 256}
TINY_LANGUAGE = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 320,
    "max_position_embeddings": 2048,
}
# Parts that stay as they are when the rest is held in 4 bits.
NOT_IN_FOUR_BITS = ["vision_tower", "multi_modal_projector", "lm_head"]


def build_network(settings: Settings, tokenizer: Any, *, device: str | torch.device = "cpu") -> Any:
    """Return the network of a new run, with fresh adapters where the settings ask for them.

    Args:
        settings: Of the run.
        tokenizer: Of the run; `tiny` takes its vocabulary from it.
        device: Where to; weights in 4 bits are put there at once.

    Raises:
        TrainingInputError: The weights cannot be had, or a package is missing.
    """
    if settings.model_id is None:
        network = build_tiny(settings, tokenizer)
    else:
        network = load_pretrained(settings.model_id, settings, device)
    if settings.gradient_checkpointing:
        checkpoint_activations(network)
    if settings.lora_rank:
        network = add_adapters(network, settings)
    return network if settings.four_bit else network.to(device)


def build_tiny(settings: Settings, tokenizer: Any) -> Any:
    """Return a small InternVL with random weights, drawn from the settings' seed."""
    config = InternVLConfig(
        vision_config=InternVLVisionConfig(
            **TINY_VISION,
            image_size=settings.image_side,
            patch_size=settings.patch_side,
            attention_bias=True,
        ),
        text_config=Qwen2Config(
            **TINY_LANGUAGE,
            vocab_size=len(tokenizer),
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        ),
        image_token_id=tokenizer.context_image_token_id,
        image_seq_length=settings.tokens_a_frame,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return InternVLForConditionalGeneration(config)


def load_pretrained(source: str | Path, settings: Settings, device: str | torch.device = "cpu") -> Any:
    """Return an InternVL from the hub or a folder, without adapters.

    Raises:
        TrainingInputError: It cannot be had, or it is no InternVL; or bitsandbytes is missing.
    """
    options: dict[str, Any] = {
        "dtype": _dtype(settings),
        "attn_implementation": choose_attention(settings.attention, str(device)),
    }
    if settings.four_bit:
        options |= {"quantization_config": _four_bits(settings), "device_map": {"": str(device)}}
    try:
        return InternVLForConditionalGeneration.from_pretrained(
            str(source), revision=settings.revision, **options
        )
    except (OSError, ValueError) as error:
        raise TrainingInputError(
            f"cannot load {str(source)!r} ({str(error).splitlines()[0]}); give a hub id or a folder of an "
            "InternVL in the format of transformers: --set model_id=…"
        ) from error


def add_adapters(network: Any, settings: Settings) -> Any:
    """Return the network with LoRA on the language model's projections; everything else is frozen.

    The adapters' second matrix begins at zero: before the first step the network says what it said before.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise _missing("peft") from error

    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=LORA_TARGETS,
        bias="none",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return get_peft_model(network, config)


def load_adapters(network: Any, folder: Path) -> Any:
    """Return the network with the adapters of a folder, ready to describe."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise _missing("peft") from error
    return PeftModel.from_pretrained(network, str(folder))


def checkpoint_activations(network: Any) -> None:
    """Make the network compute activations twice rather than keep them; no cache of keys is kept then."""
    network.config.get_text_config().use_cache = False
    if hasattr(network, "activation_checkpointing_enable"):
        network.activation_checkpointing_enable()
    else:
        network.gradient_checkpointing_enable({"use_reentrant": False})


def choose_attention(wanted: str, device: str) -> str:
    """Return what `auto` means: FlashAttention 2 where it is installed and can run, otherwise SDPA."""
    installed = importlib.util.find_spec("flash_attn") is not None
    if wanted == "flash_attention_2" and not installed:
        raise TrainingInputError(
            "got attention=flash_attention_2 without the package; install it with: pip install flash-attn, "
            "or set attention=sdpa"
        )
    if wanted != "auto":
        return wanted
    return "flash_attention_2" if installed and device.startswith("cuda") else "sdpa"


def _dtype(settings: Settings) -> torch.dtype:
    return torch.bfloat16 if settings.precision == "bf16" else torch.float32


def _four_bits(settings: Settings) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingInputError(
            "got four_bit=true without the package it needs; install it with: pip install bitsandbytes, or "
            "set four_bit=false"
        )
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=_dtype(settings),
        llm_int8_skip_modules=NOT_IN_FOUR_BITS,
    )


def _missing(package: str) -> TrainingInputError:
    return TrainingInputError(f"training needs {package}; install it with: pip install 'leitmotif[train]'")
