"""The training of a description model: from a dataset to a run, and on from where a run stopped."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import torch

from leitmotif.phrases import count
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.manifest import read_counts
from leitmotif.shards.row_groups import Split
from leitmotif.storage.atomic import whole_folder
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.train_mmdm.card import write_card
from leitmotif.train_mmdm.examples import Example, check_rows, make_loader, read_fixed, read_texts
from leitmotif.train_mmdm.network import build_network, build_tiny
from leitmotif.train_mmdm.processor import INSTRUCTION, QUESTION, Processor
from leitmotif.train_mmdm.run import BASE, TOKENIZER
from leitmotif.train_mmdm.settings import Settings, choose_settings
from leitmotif.train_mmdm.task import DescriptionTask, forget_samples
from leitmotif.train_mmdm.tokens import learn_tokenizer, load_tokenizer, open_tokenizer
from leitmotif.training.checkpoint import list_checkpoints, read_state
from leitmotif.training.loop import fit
from leitmotif.training.run import check_run, one_line_when_full, run_facts, setting_up
from leitmotif.training.settings import write_settings
from leitmotif.training.setup import check_installed, first_process, make_accelerator, make_optimizer, prepare

logger = logging.getLogger("leitmotif.train")


def train(
    dataset: str | Path,
    run: str | Path,
    settings: Settings | None = None,
    *,
    resume: bool = False,
    on_progress: OnProgress = show_nothing,
) -> dict[str, Any]:
    """Train a description model.

    Args:
        dataset: A folder that `leitmotif publish` wrote; its splits train and, if there is one, validation.
        run: Where to; it must not exist, unless `resume` is given.
        settings: All the rest; None takes the default preset, or those that a resumed run was begun with.
        resume: Go on from the last checkpoint of `run`.
        on_progress: Called after each step, on the first of several processes.

    Returns:
        `run`, `checkpoint`, `step`, `epoch`, `loss`, `validation_loss` (the least), `best_step`, `seconds`.

    Raises:
        UserError: The run or a setting cannot be used.
        DatasetError: The dataset cannot be read.
        OutsideError: Disk or memory do not suffice.
    """
    start = time.monotonic()
    run = Path(run)
    settings = check_run(run, settings, choose_settings(), resume=resume)
    with one_line_when_full(lambda said: out_of_memory(said, settings)):
        facts = _train(Dataset(dataset), run, settings, on_progress)
    return {**facts, "seconds": round(time.monotonic() - start, 1)}


def _train(dataset: Dataset, run: Path, settings: Settings, on_progress: OnProgress) -> dict[str, Any]:
    check_installed("accelerate", *(["peft"] if settings.lora_rank else []))
    begun = run.exists()
    with setting_up(run):
        split = dataset.split("train")
        rows = check_rows(split)
        examples = read_validation(dataset, settings)
        accelerator = make_accelerator(settings)
        with first_process(accelerator) as first:
            if first and not (run / TOKENIZER).is_dir():
                begin_run(run, settings, split)
        processor = Processor(open_tokenizer(run / TOKENIZER), settings)
        torch.manual_seed(settings.seed + accelerator.process_index)
        net = build_network(settings, processor.tokenizer, device=accelerator.device)
        rank, world_size = accelerator.process_index, accelerator.num_processes
        loader = make_loader(dataset, settings, processor, rank=rank, world_size=world_size)
        net, optimizer, ema = prepare(accelerator, net, make_optimizer(net, settings), settings)
        task = DescriptionTask(run, accelerator, net, processor, examples, settings)
    if accelerator.is_main_process:
        found = list_checkpoints(run)
        if begun and not found:
            logger.info("%s: nothing had been saved yet, so it begins anew", run)
        forget_samples(run, read_state(found[-1])["step"] if found else 0)
    state = fit(task, net, optimizer, loader, run, settings, accelerator, ema=ema, on_progress=on_progress)
    facts = run_facts(run, state)
    if accelerator.is_main_process:
        write_card(run, dataset, settings, facts, rows=rows)
    return facts


def out_of_memory(said: str, settings: Settings) -> str:
    """Return the line that says what to change when memory does not suffice, the cheapest change first.

    Args:
        said: Message of the library that asked for memory.
        settings: Settings of the run.
    """
    advice = []
    if not settings.gradient_checkpointing:
        advice.append("gradient_checkpointing=true")
    if settings.batch > 1:
        halved = settings.batch // 2
        advice.append(f"batch={halved} with accumulation={settings.accumulation * settings.batch // halved}")
    if settings.precision != "bf16":
        advice.append("precision=bf16")
    if not settings.lora_rank:
        advice.append("lora_rank=16")
    elif not settings.four_bit and settings.model_id is not None:
        advice.append("four_bit=true")
    if settings.frames > 1:
        advice.append(f"frames={max(1, settings.frames // 2)}")
    return (
        f"out of memory with preset {settings.preset}, batch {settings.batch} and {settings.frames} frames "
        f"({said}); begin anew with --set {' or --set '.join(advice)}, or with "
        "a smaller preset"
    )


def read_validation(dataset: Dataset, settings: Settings) -> list[Example]:
    """Return the fixed set, or nothing where the dataset has no rows to spare for it."""
    rows = read_counts(dataset.path)["rows"].get("validation", 0)
    examples = list(read_fixed(dataset, settings, "validation")) if rows and settings.validation_rows else []
    if not examples:
        why = _why_none(rows, settings)
        logger.warning("no rows to validate with (%s): the last checkpoint counts as the best", why)
    return examples


def _why_none(rows: int, settings: Settings) -> str:
    """Return why there is nothing to validate with, and the setting that helps."""
    if not settings.validation_rows:
        return "validation_rows is 0"
    more = "publish with more of them, such as --set splits.validation=0.2"
    if not rows:
        return f"the dataset has no split validation; {more}"
    lack = "lacks caption or frames" if rows == 1 else "lack captions or frames"
    return f"{count(rows, 'row')} of split validation {lack}, as tracks of sound alone do; {more}"


def begin_run(run: Path, settings: Settings, split: Split) -> None:
    """Write what a run has before its first step: the settings, and the tokenizer last."""
    run.mkdir(parents=True, exist_ok=True)
    write_settings(run, settings)
    if settings.model_id is None:
        texts = list(read_texts(split))
        prompts = [
            form.format(thing=thing) for form in (QUESTION, INSTRUCTION) for thing in ("video", "image")
        ]
        # A prompt stands before every answer: it is to take few tokens too.
        tokenizer = learn_tokenizer([*texts, *prompts * len(texts), "Frame1: "])
    else:
        tokenizer = load_tokenizer(settings)
    with whole_folder(run / TOKENIZER) as beside:
        tokenizer.save_pretrained(str(beside))
        if settings.model_id is None and settings.lora_rank:
            build_tiny(settings, tokenizer).save_pretrained(str(run / BASE))
