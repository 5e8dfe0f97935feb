"""Make (source, instruction, target) of the clips of a dataset, as shards to train editors with."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.phrases import count

EXAMPLE = "leitmotif edits my-dataset/ --out my-edits/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the new folder")
    parser.add_argument("--per-clip", type=int, default=3, metavar="N", help="edits of each clip (3)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another one makes other edits (0)")


def run(options: argparse.Namespace) -> int:
    """Make the edits, say how many, return the exit code."""
    from leitmotif.generators.editing.edit_shards import write_edits
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.shards.dataset import Dataset

    with one_line_errors(), progress() as tell:
        done = write_edits(
            Dataset(options.dataset),
            options.out,
            per_clip=options.per_clip,
            seed=options.seed,
            on_progress=tell,
        )
    made = sum(done.rows.values())
    if options.json:
        console.print_json({"folder": str(options.out), "edits": made, **asdict(done)})
        return 0
    splits = ", ".join(f"{split} {number}" for split, number in done.rows.items())
    print(
        f"{options.out}: {count(made, 'edit')} ({splits}); {done.understood} understood by `leitmotif edit`"
    )
    if done.too_short:
        print(f"{count(done.too_short, 'clip')} too short to be edited")
    return 0
