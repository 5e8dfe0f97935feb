"""Show how far a workspace is: done, left, rate and time to go per stage, failures, slowest clips."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from leitmotif.cli import console
from leitmotif.cli.console import duration_text
from leitmotif.phrases import command, count

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from leitmotif.pipelines.runs.log import Failure
    from leitmotif.pipelines.runs.status import StageStatus, Status

EXAMPLE = "leitmotif status work/ --watch"
# Seconds between two looks.
LOOK_EVERY_S = 1.0
FAILURES_SHOWN, SLOWEST_SHOWN = 8, 5
STATES = {
    "running": "a run goes on",
    "ended": "no run goes on; the last one came to its end",
    "stopped": "no run goes on; the last one stopped",
    "died": "no run goes on; the last one died",
    "not logged": "no run goes on",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("workspace", type=Path, metavar="WS", help="a workspace, in use or not")
    parser.add_argument("--watch", action="store_true", help="look again until the run ends, or Ctrl-C")


def until_interrupted(options: argparse.Namespace) -> bool:
    """Tell whether Ctrl-C is the way to end the command."""
    return bool(options.watch)


def run(options: argparse.Namespace) -> int:
    """Show the status, once or until the run ends."""
    from leitmotif.pipelines.runs.read import latest_run
    from leitmotif.pipelines.runs.status import look
    from leitmotif.pipelines.workspace import Workspace

    workspace = Workspace(options.workspace)
    logged = latest_run(workspace.root)
    if options.watch and not logged and not workspace.former_plan():
        print(f"{workspace.root} is no workspace yet; waiting for curate to begin", file=sys.stderr)
        while not logged:
            time.sleep(LOOK_EVERY_S)
            logged = latest_run(workspace.root)
    with _screen(watch=options.watch, as_json=options.json) as show:
        try:
            while True:
                status = look(workspace, logged)
                more = options.watch and status.state == "running"
                show(status, more)
                if not more:
                    break
                time.sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            if not options.watch:
                raise
    return 0


@contextmanager
def _screen(*, watch: bool, as_json: bool) -> Iterator[Callable[[Status, bool], None]]:
    """Give what shows a status, and is called with whether more looks follow."""
    from rich.live import Live

    out = console.output()
    if as_json:
        yield lambda status, more: console.print_json(asdict(status))
    elif not out.is_terminal:
        yield _line_printer()
    elif not watch:
        yield lambda status, more: out.print(_drawn(status))
    else:
        with Live(console=out, auto_refresh=False) as live:
            yield lambda status, more: live.update(_drawn(status), refresh=True)


def _line_printer() -> Callable[[Status, bool], None]:
    """Return what prints a line whenever the stage at hand has come further, and everything at the end."""
    told: tuple[str, int | None] | None = None

    def show(status: Status, more: bool) -> None:
        nonlocal told
        if not more:
            print("\n".join(_lines(status)), flush=True)
            return
        for stage in status.stages:
            if stage.left and told != (stage.stage, stage.done):
                told = stage.stage, stage.done
                print(f"{stage.stage}: {', '.join(_facts(stage))}", flush=True)

    return show


def _head(status: Status) -> Iterator[str]:
    yield f"{status.workspace}: {STATES[status.state]}"
    if status.stopped:
        yield f"it said: {status.stopped}"
    if status.state == "died":
        yield f"to go on: `{command('curate', '--out', Path(status.workspace))}`"
    run = status.run
    yield f"recipe {run['recipe']}, profile {run['profile']}"
    if "pid" in run:
        started = datetime.fromtimestamp(run["started"]).strftime("%Y-%m-%d %H:%M:%S")
        yield f"process {run['pid']} on {run['host']}, workers {run['workers']}, started {started}"
    if "seconds_since_update" in run:
        yield f"last heard of {duration_text(run['seconds_since_update'])} ago"
    yield ", ".join(f"{name} {count}" for name, count in status.counts.items())
    yield from console.rule_lines(status.rejected_by)
    yield from status.advice


def _lines(status: Status) -> Iterator[str]:
    yield from _head(status)
    for stage in status.stages:
        yield f"{stage.stage:<11} {', '.join(_facts(stage))}"
    for failure in status.failures[:FAILURES_SHOWN]:
        yield f"failed      {failure.stage} {failure.error} {failure.count}: {_example(failure)}"
    for clip in status.slowest[:SLOWEST_SHOWN]:
        yield f"slow        {clip.stage} {clip.seconds:.1f} s: {clip.source}"


def _facts(stage: StageStatus) -> Iterator[str]:
    if stage.done is not None:
        yield f"{stage.done} done"
    yield f"{_left(stage)} left"
    if stage.failed:
        yield f"{stage.failed} failed"
    if stage.rate_per_s:
        yield _rate(stage.rate_per_s)
    if stage.left and stage.eta_s is not None:
        yield f"{duration_text(stage.eta_s)} to go"


def _drawn(status: Status) -> Group:
    """Return the status as tables for a terminal."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    def shown(text: str) -> str:
        return escape(console.printable(text))

    stages = Table("stage", box=None, pad_edge=False, header_style="bold")
    for name in ("done", "left", "failed", "rate", "time to go"):
        stages.add_column(name, justify="right")
    for stage in status.stages:
        at_hand = status.state == "running" and stage.left > 0
        stages.add_row(
            stage.stage,
            "" if stage.done is None else str(stage.done),
            _left(stage),
            str(stage.failed or ""),
            _rate(stage.rate_per_s) if stage.rate_per_s else "",
            duration_text(stage.eta_s) if stage.left and stage.eta_s is not None else "",
            style="bold cyan" if at_hand else "dim" if stage.done is None else None,
        )
    parts: list[str | Table] = [*map(shown, _head(status)), "", stages]
    if status.failures:
        failures = Table("failed at", "error", box=None, pad_edge=False, header_style="bold")
        failures.add_column("clips", justify="right")
        failures.add_column("for example", overflow="fold")
        for failure in status.failures[:FAILURES_SHOWN]:
            failures.add_row(failure.stage, failure.error, str(failure.count), shown(_example(failure)))
        parts += ["", failures]
    if status.slowest:
        slowest = Table("slowest at", box=None, pad_edge=False, header_style="bold")
        slowest.add_column("seconds", justify="right")
        slowest.add_column("clip", overflow="ellipsis", no_wrap=True)
        for clip in status.slowest[:SLOWEST_SHOWN]:
            slowest.add_row(clip.stage, f"{clip.seconds:.1f}", shown(clip.source))
        parts += ["", slowest]
    return Group(*parts)


def _example(failure: Failure) -> str:
    """Return what was said of which files, a few of each; a file may be several clips."""
    said = []
    for reason in failure.reasons:
        rest = f" (of {reason.count} clips)" if reason.count > len(reason.files) else ""
        said.append(f"{reason.message}: {', '.join(reason.files)}{rest}")
    untold = failure.count - sum(reason.count for reason in failure.reasons)
    return "; ".join([*said, *([f"and {count(untold, 'clip')} for other reasons"] if untold else [])])


def _left(stage: StageStatus) -> str:
    return f"≤ {stage.left_at_most}" if stage.left_at_most > stage.left else str(stage.left)


def _rate(per_s: float) -> str:
    return f"{per_s:.1f}/s" if per_s >= 1 else f"{60 * per_s:.1f}/min"
