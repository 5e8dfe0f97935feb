"""Train a model on a published dataset: `mmdm`, which describes the music that fits a video."""

from __future__ import annotations

import argparse
import os

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.train_mmdm.arguments import KIND, SUMMARY, add_training_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    example = f"leitmotif train {KIND} my-dataset/ --out run/"
    train = kinds.add_parser(KIND, help=SUMMARY, description=f"Train {SUMMARY}.", example=example)
    add_training_arguments(train)


def go_on(options: argparse.Namespace) -> list[str]:
    """Return what the command lacks to go on with its run: one that was begun is gone on with by --resume."""
    from leitmotif.training.settings import SETTINGS_NAME

    return ["--resume"] if (options.out / SETTINGS_NAME).is_file() and not options.resume else []


def run(options: argparse.Namespace) -> int:
    """Train, print the summary, return the exit code."""
    from transformers.utils import logging

    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.train_mmdm.settings import choose_settings
    from leitmotif.train_mmdm.train import train

    logging.disable_progress_bar()
    settings = None  # those of the run, or of "tiny"
    with one_line_errors("make room, then go on with --resume"):
        if options.preset or options.set:
            settings = choose_settings(options.preset or "tiny", options.set)
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
