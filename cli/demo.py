"""Render a corpus of music videos, curate it, publish it, and say where the report is."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.progress import progress
from leitmotif.phrases import count

EXAMPLE = "leitmotif demo --clips 12 --out demo-out/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="where to (default: demo-out)")
    parser.add_argument("--clips", type=int, default=24, help="how many videos (default: 24)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another corpus")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="local processes (default: 1)")


def run(options: argparse.Namespace) -> int:
    """Render, curate and publish, and print where the results lie."""
    from leitmotif.pipelines.flow import run_flow
    from leitmotif.pipelines.publish import publish
    from leitmotif.pipelines.settings import make_plan
    from leitmotif.pipelines.workspace import Workspace
    from leitmotif.reports.write import write_reports
    from leitmotif.storage.errors import UserError
    from leitmotif.storage.places import check_place

    if options.clips < 1 or options.seconds < 1 or options.workers < 1:
        raise UserError("--clips, --seconds and --workers take numbers of 1 or more")
    check_place(options.out / "videos")
    from leitmotif.demo.corpus import render_corpus
    from leitmotif.music.sampler import general_midi

    general_midi()  # before anything is said: without its extra there is nothing to render with
    videos, workspace, dataset = (
        options.out / "videos",
        Workspace(options.out / "workspace"),
        options.out / "dataset",
    )
    print(
        f"rendering {count(options.clips, 'video')} of {options.seconds:g} s into {videos}", file=sys.stderr
    )
    plan = make_plan("music-video", "embedded")
    with progress() as tell:
        render_corpus(
            videos,
            clips=options.clips,
            seed=options.seed,
            duration_s=options.seconds,
            workers=options.workers,
            on_progress=tell,
        )
        run_flow([videos], workspace, plan, workers=options.workers, on_progress=tell)
        published = publish(
            workspace,
            dataset,
            plan,
            finish=lambda folder, ledger: write_reports(
                folder, ledger, name=f"leitmotif-demo-{options.seed}"
            ),
            on_progress=tell,
        )
    if options.json:
        console.print_json(asdict(published))
    else:
        console.print_outcome(asdict(published))
        print(f"report: {dataset / 'report.html'}")
    return 0
