"""Encode the clips of a dataset as a generator learns them: latents and text states, beside the shards."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.generators.ecmg.arguments import KIND, PRESET_NAMES

EXAMPLE = "leitmotif encode my-dataset/ --for ecmg"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a folder that `publish` wrote")
    parser.add_argument(
        "--for",
        required=True,
        choices=(KIND,),
        dest="kind",
        metavar="KIND",
        help="what is to be trained: ecmg",
    )
    parser.add_argument("--preset", help=", ".join([f"{PRESET_NAMES[0]} (default)", *PRESET_NAMES[1:]]))
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting of the preset: base, revision, codec or text",
    )
    parser.add_argument(
        "--device", default="auto", metavar="DEVICE", help="cpu, cuda, cuda:N or auto (default)"
    )


def run(options: argparse.Namespace) -> int:
    """Encode what is missing, print where it is, return the exit code."""
    from leitmotif.generators.ecmg.settings import choose_settings
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.shards.dataset import Dataset
    from leitmotif.weights.device import check_device

    # What is no setting, device or dataset is told before libraries are loaded, which takes many seconds.
    settings = choose_settings(options.preset, options.set)
    check_device(options.device)
    dataset = Dataset(options.dataset)
    from transformers.utils import logging

    from leitmotif.generators.ecmg.encode import encode
    from leitmotif.weights.device import checked_device, resolve_device

    logging.disable_progress_bar()
    started = time.monotonic()
    device = resolve_device(checked_device(options.device))
    with one_line_errors(), progress() as tell:
        made = encode(dataset, settings, device, tell)
    seconds = round(time.monotonic() - started, 1)
    facts = {
        "features": str(made.folder),
        "clips": made.rows,
        "computed": made.computed,
        "seconds": seconds,
    }
    if options.json:
        console.print_json(facts)
    else:
        console.print_summary(facts)
    return 0
