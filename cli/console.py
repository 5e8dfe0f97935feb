"""What the commands show: progress while they run, a summary at the end."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

# Seconds between two log lines of one stage where there is no terminal to draw a bar on.
LOG_EVERY_S = 10.0

errors = Console(stderr=True, highlight=False)
Told = Callable[[str, int, int], None]


def set_up_logging(verbose: bool) -> None:
    """Send log lines to standard error: warnings, or everything of ours."""
    handler = RichHandler(console=errors, show_path=False, show_time=False) if errors.is_terminal else None
    handlers: list[logging.Handler] = [handler or logging.StreamHandler()]
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=handlers)
    logging.getLogger("leitmotif").setLevel(logging.DEBUG if verbose else logging.INFO)


@contextmanager
def progress() -> Iterator[Told]:
    """Show how far each stage is: bars on a terminal, plain log lines elsewhere."""
    if not errors.is_terminal:
        yield _log_lines()
        return
    columns = [TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=errors) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell


def _log_lines() -> Told:
    told_at: dict[str, float] = {}

    def tell(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - told_at.get(stage, -LOG_EVERY_S) >= LOG_EVERY_S:
            told_at[stage] = now
            print(f"{stage}: {done}/{total}", file=sys.stderr, flush=True)

    return tell


def print_json(facts: Mapping[str, Any]) -> None:
    """Print one JSON object as the last line of standard output."""
    print(json.dumps(facts), flush=True)


def print_summary(facts: Mapping[str, Any]) -> None:
    """Print the counts of a run as lines of `name value`."""
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {count}" for key, count in value.items()) or "nothing"
        print(f"{name:<12} {value}")
