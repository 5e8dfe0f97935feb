"""Index a dataset, so that `leitmotif retrieve` finds music in it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.phrases import count

EXAMPLE = "leitmotif index my-dataset/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where the index goes; by default index/ in the dataset"
    )
    parser.add_argument(
        "--encoder",
        action="append",
        metavar="NAME[=MODEL]",
        help="what finds clips by sentences: ms-clap, minilm, embeddinggemma, pe-av (also by films), or none "
        "(by default that of the former index, or the one that suits the dataset, if it is here); MODEL is a "
        "folder or hub id; may be repeated; see docs/retrieval.md",
    )
    parser.add_argument("--device", default="auto", help="where encoders run: cpu, cuda, cuda:1 … or auto")


def run(options: argparse.Namespace) -> int:
    """Bring the index up to date, say what changed, return the exit code."""
    from leitmotif.retrieval.build import build
    from leitmotif.shards.dataset import Dataset
    from leitmotif.weights.device import checked_device

    device = checked_device(options.device)
    with progress() as tell:
        done = build(
            Dataset(options.dataset),
            options.out,
            encoders=options.encoder,
            device=device,
            on_progress=tell,
        )
    for note in done.notes:
        console.print_error(f"note: {note}")
    if options.json:
        console.print_json(asdict(done))
        return 0
    vectors = ", ".join(f"{name} {number}" for name, number in done.vectors.items()) or "nothing"
    if done.written:
        print(f"{done.index}: {count(done.clips, 'clip')} ({done.added} new, {done.removed} gone); {vectors}")
    else:
        print(f"{done.index}: up to date, {count(done.clips, 'clip')}; {vectors}")
    return 0
