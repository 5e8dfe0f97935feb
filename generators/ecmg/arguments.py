"""What the commands take for a music generator; nothing heavy is imported to say so."""

from __future__ import annotations

import argparse
from pathlib import Path

from leitmotif.training import arguments

KIND = "ecmg"
SUMMARY = "the explicitly conditioned music generator (Stable Audio's transformer with Music ControlFormer)"
# What it needs beside the rest, and the extra of each.
PACKAGES = {"diffusers": "generate", "accelerate": "train"}
# The names of `settings.PRESETS`, the default first.
PRESET_NAMES = ("tiny", "sao", "sa3-small")


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `leitmotif train ecmg`."""
    arguments.add_training_arguments(parser, PRESET_NAMES)
    parser.add_argument(
        "--init", type=Path, metavar="RUN", help="begin with the weights of another run of the same shape"
    )
