"""How far a command is: bars on a terminal, a bounded number of plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from leitmotif.cli import console
from leitmotif.cli.console import duration_text
from leitmotif.storage.progress import OnProgress

# Where there is no terminal: seconds between two lines of one stage, and how many lines it has about.
LOG_EVERY_S = 10.0
LINES = 20


@dataclass
class Stage:
    """How far one stage is, and since when."""

    done: int
    total: int
    note: str = ""
    began_s: float = field(default_factory=lambda: time.monotonic())
    began_at: int = 0
    told_s: float = 0.0
    told_at: int | None = None
    grows: bool = False

    @property
    def left_s(self) -> float | None:
        """Seconds to go at the mean pace until now; None before there is any."""
        came = self.done - self.began_at
        if came <= 0 or self.done >= self.total:
            return None
        return (time.monotonic() - self.began_s) / came * (self.total - self.done)

    @property
    def note_text(self) -> str:
        """The note and the time left."""
        left_s = self.left_s
        left = f"{duration_text(left_s)} left" if left_s is not None else ""
        return ", ".join(filter(None, (self.note, left)))


@contextmanager
def progress(*, of_bytes: bool = False) -> Iterator[OnProgress]:
    """Show how far each stage is, on standard error.

    Args:
        of_bytes: What is counted are bytes.
    """
    with _bars(of_bytes) if console.errors().is_terminal else _lines(of_bytes) as show:
        stages: dict[str, Stage] = {}

        def tell(stage: str, done: int, total: int, note: str = "", /) -> None:
            known = stages.setdefault(stage, Stage(done, total, began_at=done))
            known.grows |= total > known.total
            known.done, known.total, known.note = done, total, note
            show(stage, known)

        yield tell


class _Shown(Protocol):
    def __call__(self, name: str, stage: Stage, /) -> None: ...


@contextmanager
def _bars(of_bytes: bool) -> Iterator[_Shown]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    counted: ProgressColumn = DownloadColumn(binary_units=True) if of_bytes else MofNCompleteColumn()
    columns = [
        TextColumn("{task.description:<11}"),
        BarColumn(bar_width=24),
        counted,
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    with Progress(*columns, console=console.errors()) as bars:
        tasks: dict[str, TaskID] = {}

        def show(name: str, stage: Stage, /) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=stage.total or None, note="")
            bars.update(tasks[name], completed=stage.done, total=stage.total or None, note=stage.note_text)

        yield show


@contextmanager
def _lines(of_bytes: bool) -> Iterator[_Shown]:
    """Print a line where a stage begins and ends, and in between where it has come further by a part.

    Of bytes only the latter: whoever asked for a download reports one that takes no time.
    """
    stages: dict[str, Stage] = {}

    def show(name: str, stage: Stage, /) -> None:
        stages[name] = stage
        if stage.told_at is None and of_bytes:
            stage.told_s, stage.told_at = stage.began_s, stage.done
        came = stage.done - (stage.told_at or 0)
        further = came * LINES >= stage.total and time.monotonic() - stage.told_s >= LOG_EVERY_S
        # Where the total grows as things are found, being level with it is no end.
        ended = stage.done == stage.total and came > 0 and not (stage.grows or of_bytes)
        if stage.told_at is None or further or ended:
            _print_line(name, stage, of_bytes)

    try:
        yield show
    finally:
        for name, stage in stages.items():
            if stage.told_at != stage.done and not of_bytes:
                _print_line(name, stage, of_bytes)


def _print_line(name: str, stage: Stage, of_bytes: bool) -> None:
    stage.told_s, stage.told_at = time.monotonic(), stage.done
    counts = f"{stage.done >> 20} of {stage.total >> 20} MiB" if of_bytes else f"{stage.done}/{stage.total}"
    print(", ".join(filter(None, (f"{name}: {counts}", stage.note_text))), file=sys.stderr, flush=True)
