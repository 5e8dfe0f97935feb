"""Write a dataset as another trainer reads it: ACE-Step, Stable Audio 3, LTX-2, WebDataset."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.phrases import count

EXAMPLE = "leitmotif export-dataset my-dataset/ --for stable-audio-3 --out for-stable-audio/"
TARGETS = ("ace-step", "stable-audio-3", "ltx-2", "webdataset")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")
    parser.add_argument(
        "--for", required=True, dest="target", choices=TARGETS, metavar="TRAINER", help=", ".join(TARGETS)
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the new folder")


def run(options: argparse.Namespace) -> int:
    """Export, say what reads it, return the exit code."""
    from leitmotif.shards.dataset import Dataset
    from leitmotif.shards.exports.export import export_dataset

    with progress() as tell:
        done = export_dataset(Dataset(options.dataset), options.target, options.out, on_progress=tell)
    for note in done.notes:
        console.print_error(f"note: {note}")
    if options.json:
        console.print_json(asdict(done))
        return 0
    splits = ", ".join(f"{split} {number}" for split, number in done.clips.items())
    print(f"{done.folder}: {count(sum(done.clips.values()), 'clip')} ({splits})")
    print(f"read by {done.read_by}")
    return 0
