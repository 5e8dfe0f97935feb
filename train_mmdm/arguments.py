"""What the commands take for a description model; nothing heavy is imported to say so."""

from __future__ import annotations

import argparse
from pathlib import Path

from leitmotif.training import arguments

KIND = "mmdm"
SUMMARY = "the multimodal music description model (InternVL with adapters)"
# The names of `settings.PRESETS`, the default first.
PRESET_NAMES = ("tiny", "internvl3-1b", "internvl3-2b", "internvl3-8b", "internvl3-14b", "internvl2.5-8b")


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `leitmotif train mmdm`."""
    arguments.add_training_arguments(parser, PRESET_NAMES)


def add_evaluation_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `leitmotif evaluate mmdm`."""
    parser.add_argument("model", type=Path, metavar="RUN", help="what `leitmotif train` wrote")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="RESULTS", help="the folder of the results"
    )
    parser.add_argument("--split", default="test", help="which clips (default: test)")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="BASE",
        help="another run, or a .jsonl of clip_id and description (default: the model before its training)",
    )
    parser.add_argument(
        "--metric", action="append", metavar="NAME", help="only this metric; may be repeated (default: all)"
    )
    parser.add_argument("--clap", metavar="MODEL", help="where the dataset's CLAP model lies, if elsewhere")
    parser.add_argument("--bertscore", metavar="MODEL", help="model of BERTScore: a hub id or a folder")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N clips only")
    parser.add_argument("--visuals", action="store_true", help="ask for the visual elements first")
    add_decoding_arguments(parser)


def add_decoding_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say how words are chosen, and where."""
    parser.add_argument("--greedy", action="store_true", help="take the most probable word every time")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    parser.add_argument("--top-k", type=int, metavar="K", help="draw among K tokens (default: the run's, 50)")
    parser.add_argument(
        "--top-p", type=float, metavar="P", help="draw among tokens of probability P (default: the run's, 1)"
    )
    parser.add_argument("--temperature", type=float, metavar="T", help="default: the run's, 1")
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help="longest answer (default: the run's, 192)"
    )
    parser.add_argument("--batch", type=int, default=4, metavar="N", help="inputs at once (default: 4)")
    parser.add_argument(
        "--device", default="auto", metavar="DEVICE", help="cpu, cuda, cuda:N or auto (default)"
    )
