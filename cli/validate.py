"""Read a dataset again and check files, hashes, schema, counts, splits and numbers; decode all its media."""

from __future__ import annotations

import argparse
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.phrases import count

EXAMPLE = "leitmotif validate my-dataset/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")
    parser.add_argument(
        "--fast", action="store_true", help="decode the sound and pictures of 200 rows, not of all"
    )


def run(options: argparse.Namespace) -> int:
    """Print every problem; return the exit code."""
    from leitmotif.cli.progress import progress
    from leitmotif.pipelines.validating import examine_safely

    with progress() as tell:
        found = examine_safely(options.dataset, fast=options.fast, on_progress=tell)
    for problem in found.problems:
        console.print_error(problem)
    if options.json:
        facts = {"dataset": str(options.dataset), "valid": not found.problems, "problems": found.problems}
        console.print_json({**facts, "rows": found.rows, "decoded": found.decoded})
    else:
        said = count(len(found.problems), "problem") if found.problems else "valid"
        sample = f" ({found.decoded} of {count(found.rows, 'row')} decoded)" if options.fast else ""
        print(f"{options.dataset}: {said}{sample}")
    return Exit.USER if found.problems else Exit.DONE
