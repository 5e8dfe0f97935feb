"""Read a dataset again and check files, hashes, schema, counts, splits and media."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.phrases import count

EXAMPLE = "leitmotif validate my-dataset/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")


def run(options: argparse.Namespace) -> int:
    """Print every problem; return the exit code."""
    from leitmotif.shards.validate import validate

    problems = validate(options.dataset)
    for problem in problems:
        print(problem, file=sys.stderr)
    if options.json:
        console.print_json(
            {"dataset": str(options.dataset), "valid": not problems, "problems": list(map(str, problems))}
        )
    else:
        print(f"{options.dataset}: {count(len(problems), 'problem') if problems else 'valid'}")
    return Exit.USER if problems else Exit.DONE
