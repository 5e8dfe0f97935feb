"""Write the statistics report, data card and Croissant metadata of a dataset anew."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")


def run(options: argparse.Namespace) -> int:
    """Write the report files and name them."""
    from pipelines.errors import UserError
    from reports.write import write_reports
    from shards.manifest import read_counts, write_manifest

    try:
        counts = read_counts(options.dataset)
    except ValueError as error:
        raise UserError(str(error)) from error
    for path in write_reports(options.dataset):
        print(path)
    write_manifest(options.dataset, counts)
    return 0
