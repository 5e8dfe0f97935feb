"""The training of a music generator: from an encoded dataset to a run, and on from where a run stopped."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import torch

from leitmotif.generators.ecmg.examples import Example, make_loader, open_encoded, read_fixed
from leitmotif.generators.ecmg.network import EcmgNetwork
from leitmotif.generators.ecmg.parts import build_network, load_parts
from leitmotif.generators.ecmg.run import ENCODER_NAME, write_facts
from leitmotif.generators.ecmg.settings import Settings, choose_settings
from leitmotif.generators.ecmg.task import NETWORK, MusicTask
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.features import Features
from leitmotif.storage.errors import UserError
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.training.checkpoint import list_checkpoints
from leitmotif.training.loop import fit
from leitmotif.training.run import (
    best_checkpoint,
    check_run,
    one_line_when_full,
    reading,
    run_facts,
    setting_up,
)
from leitmotif.training.settings import read_settings, write_settings
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
    """Train a music generator.

    Args:
        dataset: A published dataset that `leitmotif encode --for ecmg` encoded; its splits train and, if
            there is one, validation.
        run: Where to; it must not exist, unless `resume` is given.
        settings: All the rest; None takes the default preset, or those that a resumed run was begun with.
        resume: Go on from the last checkpoint of `run`.
        on_progress: Called after each step, on the first of several processes.

    Returns:
        `run`, `checkpoint`, `step`, `epoch`, `loss`, `validation_loss` (the least), `best_step`, `seconds`.

    Raises:
        UserError: The run or a setting cannot be used.
        DatasetError: The dataset cannot be read, or is not encoded.
        OutsideError: Disk or memory do not suffice.
    """
    start = time.monotonic()
    run = Path(run)
    settings = check_run(run, settings, choose_settings(), resume=resume)
    with one_line_when_full(lambda said: out_of_memory(said, settings)):
        facts = _train(Dataset(dataset), run, settings, on_progress)
    return {**facts, "seconds": round(time.monotonic() - start, 1)}


def _train(dataset: Dataset, run: Path, settings: Settings, on_progress: OnProgress) -> dict[str, Any]:
    check_installed("accelerate")
    begun = run.exists()
    with setting_up(run):
        dataset.split("train")
        table = open_encoded(dataset, settings)
        facts = {**table.facts, "clap_dim": clap_dim(dataset)}
        examples = read_validation(dataset, table, settings)
        accelerator = make_accelerator(settings)
        with first_process(accelerator) as first:
            if first and not (run / ENCODER_NAME).is_file():
                run.mkdir(parents=True, exist_ok=True)
                write_settings(run, settings)
                write_facts(run, facts)
        net = build_network(settings, facts)
        if settings.init is not None and not list_checkpoints(run):
            load_initial(net, Path(settings.init), settings)
        torch.manual_seed(settings.seed + accelerator.process_index)
        rank, world_size = accelerator.process_index, accelerator.num_processes
        loader = make_loader(dataset, table, settings, rank=rank, world_size=world_size)
        slower = {f"{part}.": settings.base_learning_rate for part in net.kind.PARTS}
        net, optimizer, ema = prepare(accelerator, net, make_optimizer(net, settings, slower), settings)
        task = MusicTask(accelerator, net, examples, settings)
    if begun and accelerator.is_main_process and not list_checkpoints(run):
        logger.info("%s: nothing had been saved yet, so it begins anew", run)
    state = fit(task, net, optimizer, loader, run, settings, accelerator, ema=ema, on_progress=on_progress)
    return run_facts(run, state)


def clap_dim(dataset: Dataset) -> int:
    """Return the length of the embeddings of a dataset."""
    assert dataset.schema is not None  # it has a split train
    return int(dataset.schema.field("clap_embedding").type.list_size)


def read_validation(dataset: Dataset, table: Features, settings: Settings) -> list[Example]:
    """Return the fixed set, or nothing where the dataset has no rows to spare for it."""
    rows = dataset.splits.get("validation", 0)
    if not rows or not settings.validation_rows:
        why = "validation_rows is 0" if rows else "the dataset has no split validation"
        logger.warning("no rows to validate with (%s): the last checkpoint counts as the best", why)
        return []
    return read_fixed(dataset, table, settings, "validation")


def load_initial(net: EcmgNetwork, source: Path, settings: Settings) -> None:
    """Begin with the weights of another run of the same shape.

    Raises:
        UserError: It is no such run.
    """
    with reading(source):
        former = read_settings(source, Settings)
        checkpoint = best_checkpoint(source, settings.KIND)
        try:
            load_parts(net, checkpoint / NETWORK, former)
        except ValueError as error:
            raise UserError(
                f"got init={str(source)!r}, whose network has another shape ({error}); begin with a run of "
                "the same base, control, layers and width"
            ) from error


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
    if settings.control == "controlformer" and settings.control_layers > 1:
        advice.append(f"control_layers={settings.control_layers // 2}")
    advice.append(f"frames={max(1, settings.frames // 2)}")
    return (
        f"out of memory with preset {settings.preset}, batch {settings.batch} and {settings.frames} frames "
        f"({said}); begin anew with --set {' or --set '.join(advice)}"
    )
