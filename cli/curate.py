"""Measure and judge every clip of folders of videos or tracks, into a workspace."""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress

EXAMPLE = "leitmotif curate my-videos/ --out work/"

if TYPE_CHECKING:
    from leitmotif.pipelines.plan import Plan
    from leitmotif.pipelines.workspace import Workspace

logger = logging.getLogger("leitmotif.cli")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        nargs="*",
        type=Path,
        default=[],
        help="folder or media file; none to go on with the workspace",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="WS", help="the workspace")
    add_plan_arguments(parser)
    parser.add_argument(
        "--metadata",
        metavar="TABLE",
        help="CSV or JSON Lines: title, artist, license, … of the SOURCEs' files, by path or id; "
        "remembered for them, without SOURCE for the whole workspace; '' forgets",
    )
    parser.add_argument(
        "--license",
        metavar="TEXT",
        help="licence of files of the SOURCEs that state none, such as CC-BY-4.0; remembered for them, "
        "without SOURCE for the whole workspace; '' forgets",
    )
    parser.add_argument("--retry-failed", action="store_true", help="measure quarantined clips again")
    parser.add_argument(
        "--measure-all", action="store_true", help="measure clips that a rule rejects as well"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 if anything was quarantined")


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say what a run does and where it runs."""
    parser.add_argument(
        "--recipe",
        help="which stages and rules: auto (default of a new workspace: each file by what it is), "
        "music-video, music-track or a YAML file",
    )
    parser.add_argument(
        "--profile",
        help="which models: embedded (default of a new workspace), paper or a YAML file (see doctor)",
    )
    parser.add_argument(
        "--plan", type=Path, metavar="FILE", help="take this plan: a plan.yaml, or a dataset's recipe.yaml"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="change one setting"
    )
    parser.add_argument(
        "--window", type=float, metavar="S", help="cut sources into clips of S seconds; 0: whole sources"
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="where models run: cpu, cuda, cuda:N, or auto (default of a new workspace: cuda where a worker "
        "has it, else cpu); results of one device are not computed again on another",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="local processes (default: 1)")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="a running Dask scheduler")


def run(options: argparse.Namespace) -> int:
    """Curate, print the summary, return the exit code."""
    from leitmotif.phrases import command
    from leitmotif.pipelines.curate import find_files
    from leitmotif.pipelines.workspace import Workspace

    workspace = Workspace(options.out)
    plan = _plan(options, workspace)
    files = find_files(options.source, workspace, plan, metadata=options.metadata)
    workspace.begin()
    # Prefect takes seconds to load: by now what cannot run is told, and other commands know of the run.
    from leitmotif.pipelines.flow import run_flow

    with progress() as tell:
        summary = run_flow(
            options.source,
            workspace,
            plan,
            workers=options.workers,
            scheduler=options.scheduler,
            retry_failed=options.retry_failed,
            measure_all=options.measure_all,
            metadata=options.metadata,
            license=options.license,
            on_progress=tell,
            files=files,
        )
    if options.json:
        console.print_json(asdict(summary))
    else:
        console.print_outcome(asdict(summary))
        if summary.kept:
            print(f"next: {command('publish', workspace.root, '--out', workspace.dataset_beside())}")
    return Exit.STRICT if options.strict and summary.quarantined else Exit.DONE


def _plan(options: argparse.Namespace, workspace: Workspace) -> Plan:
    """Return what is asked for, checked before anything is catalogued.

    Raises:
        UserError: An option is wrong.
    """
    from leitmotif.pipelines.succession import changes, describe_plan, next_plan
    from leitmotif.storage.errors import UserError
    from leitmotif.weights.device import checked_device

    if options.workers < 1:
        raise UserError(f"--workers is {options.workers}; expected 1 or more")
    device = options.device
    if device is not None:
        device = checked_device(device, elsewhere=options.scheduler is not None)
    former = workspace.former_plan()
    plan = next_plan(
        former,
        saved=options.plan,
        recipe=options.recipe,
        profile=options.profile,
        settings=options.set,
        window_s=options.window,
        device=device,
    )
    if former:
        logger.info("%s goes on with %s", options.out, describe_plan(plan))
        for line in changes(former, plan):
            logger.info("changed: %s", line)
    return plan
