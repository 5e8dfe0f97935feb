"""Read a dataset again and check files, hashes, schema, counts, splits and media."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")


def run(options: argparse.Namespace) -> int:
    """Print every problem; return 0 if there is none, else 2."""
    from leitmotif.pipelines.errors import UserError
    from leitmotif.shards.validate import validate

    try:
        problems = validate(options.dataset)
    except ValueError as error:
        raise UserError(str(error)) from error
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{options.dataset}: {f'{len(problems)} problems' if problems else 'valid'}")
    return 2 if problems else 0
