"""Fetch the weights of a profile: pinned, checked, resumed where a former run stopped.

Hub repositories go to the cache of huggingface_hub (HF_HOME), Demucs to that of torch hub (TORCH_HOME), other
checkpoints to LEITMOTIF_MODELS (~/.cache/leitmotif/models). What is there is not fetched again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from leitmotif.cli import console

if TYPE_CHECKING:
    from leitmotif.pipelines.models.backend import Backend

Tell = Callable[[str, int, int], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--profile", default="paper", help="paper or a YAML file (default: paper); see docs/models.md"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="fetch this backend alone, by its name in `leitmotif doctor`; may be repeated, and may name one "
        "that the profile does not use",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be fetched, how much and under which licence"
    )


def run(options: argparse.Namespace) -> int:
    """Fetch what is missing, say what was done, and return the exit code."""
    from leitmotif.pipelines.errors import OutsideError, RunError, UserError
    from leitmotif.pipelines.models.fetch import fetch

    backends = choose(options.profile, options.only)
    if options.dry_run:
        return _say_what_would_be_fetched(backends)
    failures: dict[str, RunError] = {}
    for backend in backends:
        _state_terms(backend)
        try:
            with _progress() as tell:
                fetched = [fetch(item, tell) for item in backend.weights]
        except RunError as error:
            failures[backend.name] = error
        else:
            print(f"{'fetched' if any(fetched) else 'present':<8} {backend.name:<14} {_what(backend)}")
    if not failures:
        return 0
    if len(failures) == 1:
        raise next(iter(failures.values()))
    for name, failure in failures.items():
        print(f"failed   {name:<14} {' '.join(str(failure).split())}", file=sys.stderr)
    outside = any(isinstance(failure, OutsideError) for failure in failures.values())
    kind = OutsideError if outside else UserError
    raise kind(f"{len(failures)} of {len(backends)} backends could not be fetched: {', '.join(failures)}")


def choose(profile: str, only: Sequence[str]) -> list[Backend]:
    """Return the backends whose weights are to be fetched: those of a profile, or the named ones of all.

    Raises:
        UserError: The profile or a name is not known.
    """
    from leitmotif.pipelines.errors import UserError
    from leitmotif.pipelines.models.backends import BACKENDS
    from leitmotif.pipelines.models.uses import uses_of

    uses = uses_of(profile)
    backends = {use.backend.name: use.backend for use in uses}
    if only:
        known = {backend.name: backend for backend in BACKENDS} | backends
        if unknown := sorted(set(only) - set(known)):
            raise UserError(
                f"backend {', '.join(unknown)} is not known; expected one of "
                f"{', '.join(name for name, backend in known.items() if backend.weights)}"
            )
        return [known[name] for name in only]
    # The weights of a model that is served elsewhere are needed there.
    return [use.backend for use in uses if use.backend.weights and not use.served_elsewhere]


def _say_what_would_be_fetched(backends: Sequence[Backend]) -> int:
    from leitmotif.pipelines.models.backend import size_text, terms

    wanted = 0
    for backend in backends:
        missing = any(item.missing() for item in backend.weights)
        wanted += (backend.size_bytes or 0) if missing else 0
        print(f"{'missing' if missing else 'present':<8} {backend.name:<14} {_what(backend)}")
        print(f"{'':<23} {terms(backend.license, backend.commercial)}")
        for item in backend.weights:
            print(f"{'':<23} {getattr(item, 'url', '') or f'https://huggingface.co/{item.title}'}")
    print(f"{size_text(wanted)} to fetch" if wanted else "nothing to fetch")
    return 0


def _what(backend: Backend) -> str:
    from leitmotif.pipelines.models.backend import short_revision, size_text

    return f"{backend.model_id} @ {short_revision(backend.revision)}, {size_text(backend.size_bytes)}"


def _state_terms(backend: Backend) -> None:
    """Say under which licence weights come, before they do, where it binds the user to anything."""
    if backend.free or not any(item.missing() for item in backend.weights):
        return
    from leitmotif.pipelines.models.backend import terms

    licence = terms(backend.license, backend.commercial)
    print(f"licence  {backend.name:<14} {licence}; see docs/models.md", file=sys.stderr)


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show how far a file is: a bar on a terminal, a line now and then elsewhere."""
    if not console.errors.is_terminal:
        yield _log_lines()
        return
    columns = [TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()]
    with Progress(*columns, console=console.errors, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total or None)
            bars.update(tasks[name], completed=done, total=total or None)

        yield tell


def _log_lines() -> Tell:
    told_at: dict[str, float] = {}

    def tell(name: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - told_at.setdefault(name, now) >= console.LOG_EVERY_S:
            told_at[name] = now
            print(f"{name}: {done >> 20} of {total >> 20} MiB", file=sys.stderr, flush=True)

    return tell
