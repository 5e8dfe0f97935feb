"""Train a model on a published dataset: `mmdm`, which describes the music that fits a video."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress

KINDS = ("mmdm",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, summary in {"mmdm": "the multimodal music description model (InternVL with adapters)"}.items():
        example = f"leitmotif train {kind} my-dataset/ --out run/"
        _add_kind(kinds.add_parser(kind, help=summary, description=f"Train {summary}.", example=example))


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a folder that `publish` wrote")
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument(
        "--preset",
        help="tiny (default), internvl3-1b, internvl3-2b, internvl3-8b, internvl3-14b, internvl2.5-8b",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the preset"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of RUN")


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
