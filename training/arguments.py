"""What every `leitmotif train KIND` takes; nothing heavy is imported to say so."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def add_training_arguments(parser: argparse.ArgumentParser, presets: Sequence[str]) -> None:
    """Declare dataset, run, preset, settings and resuming.

    Args:
        parser: Parser of the kind.
        presets: Names of its presets, the default first.
    """
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a folder that `publish` wrote")
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--preset", help=", ".join([f"{presets[0]} (default)", *presets[1:]]))
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the preset"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of RUN")
