"""What happens before the first step of a training: the run is begun, the processes meet."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.manifest import read_counts
from leitmotif.shards.row_groups import Split
from leitmotif.train_mmdm.examples import Example, read_fixed, read_texts
from leitmotif.train_mmdm.network import build_tiny
from leitmotif.train_mmdm.prompt import INSTRUCTION, QUESTION
from leitmotif.train_mmdm.run import BASE, TOKENIZER
from leitmotif.train_mmdm.settings import PRESETS, Settings, read_settings, write_settings
from leitmotif.train_mmdm.tokens import learn_tokenizer, load_tokenizer
from leitmotif.training.errors import TrainingInputError

_log = logging.getLogger("leitmotif.train")


def check_run(run: Path, settings: Settings | None, *, resume: bool) -> Settings:
    """Return the settings to train with; refuse a run that would be overwritten or cannot be gone on with.

    Raises:
        TrainingInputError: With the reason.
    """
    exists = run.exists() and (not run.is_dir() or any(run.iterdir()))
    if exists and not resume:
        raise TrainingInputError(f"{str(run)!r} exists; go on with it by --resume, or give another --out")
    if resume and not exists:
        raise TrainingInputError(f"{str(run)!r} does not exist; leave --resume out to begin it")
    if not resume:
        return settings or PRESETS["tiny"]
    begun = read_settings(run)
    former, wanted = asdict(begun), asdict(settings or begun)
    for name in former:
        if former[name] != wanted[name]:
            raise TrainingInputError(
                f"got {name}={wanted[name]!r}; {str(run)!r} was begun with {former[name]!r}: resume with the "
                "settings it was begun with, or begin a new run"
            )
    return begun


def make_optimizer(net: Any, settings: Settings) -> torch.optim.AdamW:
    """Return AdamW over the weights that learn; vectors, such as biases and norms, do not decay."""
    learning = [weight for weight in net.parameters() if weight.requires_grad]
    groups = [
        {
            "params": [weight for weight in learning if weight.ndim >= 2],
            "weight_decay": settings.weight_decay,
        },
        {"params": [weight for weight in learning if weight.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.learning_rate)


def read_validation(dataset: Dataset, settings: Settings) -> list[Example]:
    """Return the fixed set, or nothing where the dataset has no rows to spare for it."""
    rows = read_counts(dataset.path)["rows"].get("validation", 0)
    examples = list(read_fixed(dataset, settings, "validation")) if rows and settings.validation_rows else []
    if not examples:
        _log.warning("no rows to validate with: the last checkpoint counts as the best")
    return examples


def begin_run(run: Path, settings: Settings, split: Split) -> None:
    """Write what a run has before its first step: the settings, and the tokenizer last."""
    run.mkdir(parents=True, exist_ok=True)
    write_settings(run, settings)
    if settings.model_id is None:
        texts = list(read_texts(split))
        prompts = [
            form.format(thing=thing) for form in (QUESTION, INSTRUCTION) for thing in ("video", "image")
        ]
        # A prompt stands before every answer: it shall take few tokens too.
        tokenizer = learn_tokenizer([*texts, *prompts * len(texts), "Frame1: "])
    else:
        tokenizer = load_tokenizer(settings)
    partial = run / f".{TOKENIZER}"
    tokenizer.save_pretrained(str(partial))
    if settings.model_id is None and settings.lora_rank:
        build_tiny(settings, tokenizer).save_pretrained(str(run / BASE))
    partial.rename(run / TOKENIZER)


def make_accelerator(settings: Settings) -> Any:
    """Return what knows of the other processes, of the device and of the precision.

    Raises:
        TrainingInputError: Accelerate is missing, or the device has no such precision.
    """
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
    except ImportError as error:
        raise TrainingInputError(
            "training needs accelerate; install it with: pip install 'leitmotif-av[train]'"
        ) from error
    # A process may train more than once, in another precision.
    AcceleratorState._reset_state()
    try:
        return Accelerator(mixed_precision="bf16" if settings.precision == "bf16" else "no")
    except ValueError as error:
        raise TrainingInputError(
            f"got precision={settings.precision}, which this device cannot do ({error}); set precision=fp32"
        ) from error


def prepare(accelerator: Any, net: Any, optimizer: Any, settings: Settings) -> tuple[Any, Any]:
    """Return network and optimizer as DDP, FSDP, DeepSpeed or a single process want them."""
    plugin = getattr(accelerator.state, "deepspeed_plugin", None)
    if plugin is not None:  # it would ask a DataLoader for it, and there is none to prepare
        plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = settings.batch
        plugin.deepspeed_config["gradient_clipping"] = settings.max_grad_norm
    prepared, optimizer = accelerator.prepare(net, optimizer)
    return prepared, optimizer
