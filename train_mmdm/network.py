"""The network: InternVL, pretrained or, for `tiny`, from scratch; with adapters on the language model."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLVisionConfig,
    Qwen2Config,
)

from leitmotif.extras import install_command
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.settings import LORA_TARGETS, MODEL_KIND, Settings
from leitmotif.weights.hub import cannot_load

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
        settings: Settings of the run.
        tokenizer: Tokenizer of the run; `tiny` takes its vocabulary from it.
        device: Where to; weights in 4 bits are put there at once.

    Raises:
        UserError: The weights cannot be had, or a package is missing.
    """
    if settings.model_id is None:
        network = build_tiny(settings, tokenizer)
    else:
        network = load_pretrained(settings.model_id, settings, device)
    adapted = add_adapters(network, settings) if settings.lora_rank else network
    if settings.gradient_checkpointing:
        checkpoint_activations(network)
    return adapted if settings.four_bit else adapted.to(device)


def build_tiny(settings: Settings, tokenizer: Any) -> Any:
    """Return a small InternVL with random weights, drawn from the settings' seed."""
    config = InternVLConfig(
        vision_config=InternVLVisionConfig(
            **TINY_VISION,
            image_size=settings.image_side,
            patch_size=settings.patch_side,
            attention_bias=True,
            hidden_dropout_prob=settings.dropout,
            attention_dropout=settings.dropout,
            projection_dropout=settings.dropout,
        ),
        text_config=Qwen2Config(
            **TINY_LANGUAGE,
            vocab_size=len(tokenizer),
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            attention_dropout=settings.dropout,
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
        UserError: It is no InternVL, its patches are of another size, or bitsandbytes is missing.
        OutsideError: The hub cannot be reached.
    """
    network_config = _read_config(source, settings)
    options: dict[str, Any] = {
        "config": network_config,
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
        raise cannot_load("the weights", source, error, setting="model_id", expected=MODEL_KIND) from error


def _read_config(source: str | Path, settings: Settings) -> Any:
    """Return the configuration of an InternVL whose patches are as large as the settings say."""
    try:
        config = AutoConfig.from_pretrained(str(source), revision=settings.revision)
        if config.model_type != InternVLConfig.model_type:
            raise ValueError(f"it is of the type {config.model_type!r}, not {InternVLConfig.model_type!r}")
    except (OSError, ValueError) as error:
        raise cannot_load(
            "the configuration", source, error, setting="model_id", expected=MODEL_KIND
        ) from error
    patch = config.vision_config.patch_size[0]
    if patch != settings.patch_side:
        raise UserError(
            f"got patch_side {settings.patch_side}; {str(source)!r} has patches of {patch} pixels: set "
            f"patch_side={patch}"
        )
    return config


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
        with _without_renaming():
            return get_peft_model(network, config)


def load_adapters(network: Any, folder: Path) -> Any:
    """Return the network with the adapters of a folder, ready to describe."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise _missing("peft") from error
    with _without_renaming():
        return PeftModel.from_pretrained(network, str(folder))


def _without_renaming() -> warnings.catch_warnings:
    """Keep still about a property that transformers renamed and peft asks for by its former name."""
    return warnings.catch_warnings(action="ignore", category=FutureWarning)


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
        raise UserError(
            "got attention=flash_attention_2 without the package; install it with: pip install flash-attn, "
            "or set attention=sdpa"
        )
    if wanted != "auto":
        return wanted
    return "flash_attention_2" if installed and device.startswith("cuda") else "sdpa"


def _dtype(settings: Settings) -> torch.dtype:
    """Return what frozen weights are held in; weights that learn need every bit, or small steps are lost."""
    return torch.bfloat16 if settings.precision == "bf16" and settings.lora_rank else torch.float32


def _four_bits(settings: Settings) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
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


def _missing(package: str) -> UserError:
    return UserError(f"training needs {package}; install it with: {install_command('train')}")
