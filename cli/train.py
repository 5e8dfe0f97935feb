"""Train a model on a published dataset: `mmdm` describes music for a video, `ecmg` makes it."""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from importlib.util import find_spec

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.extras import needs
from leitmotif.generators.ecmg import arguments as ecmg
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm import arguments as mmdm

# The light `arguments` of each room, beside its `settings` and `train`.
TRAINERS = {each.KIND: each for each in (mmdm, ecmg)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, trainer in TRAINERS.items():
        example = f"leitmotif train {kind} my-dataset/ --out run/"
        summary = trainer.SUMMARY
        parsed = kinds.add_parser(kind, help=summary, description=f"Train {summary}.", example=example)
        trainer.add_training_arguments(parsed)


def check_packages(kind: str) -> None:
    """Refuse to train without the packages that a trainer's `PACKAGES` names with their extras.

    Raises:
        UserError: One is missing.
    """
    for package, extra in getattr(TRAINERS[kind], "PACKAGES", {}).items():
        if find_spec(package) is None:
            raise UserError(needs(f"train {kind}", package, extra))


def go_on(options: argparse.Namespace) -> list[str]:
    """Return what the command lacks to go on with its run: one that was begun is gone on with by --resume."""
    from leitmotif.training.settings import SETTINGS_NAME

    return ["--resume"] if (options.out / SETTINGS_NAME).is_file() and not options.resume else []


def run(options: argparse.Namespace) -> int:
    """Train, print the summary, return the exit code."""
    from transformers.utils import logging

    from leitmotif.pipelines.describing import one_line_errors

    check_packages(options.kind)
    room = TRAINERS[options.kind].__package__
    choose_settings = import_module(f"{room}.settings").choose_settings
    train = import_module(f"{room}.train").train
    logging.disable_progress_bar()
    settings = None  # those of the run, or of the default preset
    with one_line_errors("go on with --resume"):
        changes = [*options.set]
        if getattr(options, "init", None) is not None:  # of those that can begin with a run's weights
            changes.append(f"init={options.init}")
        if options.preset or changes:
            settings = choose_settings(options.preset, changes)
        with progress() as tell:
            facts = train(
                options.dataset,
                options.out,
                settings,
                resume=options.resume,
                on_progress=tell,
            )
    if os.environ.get("RANK", "0") != "0":  # one of several processes, of which the first one speaks
        return 0
    if options.json:
        console.print_json(facts)
    else:
        console.print_summary(facts)
    return 0
