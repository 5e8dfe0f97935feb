"""Write a curated workspace as a dataset folder, with report, data card and Croissant metadata."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress

EXAMPLE = "leitmotif publish work/ --out my-dataset/ --set motion.threshold=0.02"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("workspace", type=Path, metavar="WS", help="a curated workspace")
    parser.add_argument("--out", required=True, type=Path, metavar="DATASET", help="the dataset folder")
    parser.add_argument(
        "--mix",
        action="store_true",
        help="add the sound before the voice was taken out, as the column `mix`",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="RULE.threshold=VALUE",
        help="change a threshold, tags or splits",
    )


def run(options: argparse.Namespace) -> int:
    """Publish, print the summary, return the exit code."""
    from leitmotif.pipelines.publish import publish
    from leitmotif.pipelines.settings import change_thresholds
    from leitmotif.pipelines.workspace import Workspace
    from leitmotif.reports.write import write_reports

    workspace = Workspace(options.workspace)
    plan = change_thresholds(workspace.plan(), options.set, workspace.root)
    with progress() as tell:
        published = publish(
            workspace,
            options.out,
            plan,
            mix=options.mix,
            finish=lambda folder, ledger: write_reports(folder, ledger, name=options.out.name),
            on_progress=tell,
        )
    if options.json:
        console.print_json(asdict(published))
    else:
        console.print_outcome(asdict(published))
        print(f"report: {options.out / 'report.html'}")
    return 0
