"""What the commands show: log lines, a summary at the end, JSON."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # rich takes longer to import than `leitmotif --help` takes in all
    from rich.console import Console


@cache
def errors() -> Console:
    """Return the console of standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def set_up_output() -> None:
    """Let any text be printed: letters that the locale (or a pipe on Windows) has not are escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def set_up_logging(verbose: bool) -> None:
    """Send log lines to standard error: warnings, or everything of ours."""
    handler: logging.Handler = logging.StreamHandler()
    if errors().is_terminal:
        from rich.logging import RichHandler

        handler = RichHandler(console=errors(), show_path=False, show_time=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    logging.getLogger("leitmotif").setLevel(logging.DEBUG if verbose else logging.INFO)


def print_json(facts: Mapping[str, Any]) -> None:
    """Print one JSON object as the last line of standard output."""
    print(json.dumps(facts), flush=True)


def print_summary(facts: Mapping[str, Any]) -> None:
    """Print the counts of a run as lines of `name value`."""
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {count}" for key, count in value.items()) or "nothing"
        print(f"{name:<12} {value}")


def print_outcome(facts: Mapping[str, Any]) -> None:
    """Print what became of clips: the counts, what each rule rejected, and what helps.

    Args:
        facts: Counts of a run, with `rejected_by` and `advice` among them.
    """
    print_summary({name: value for name, value in facts.items() if name not in ("rejected_by", "advice")})
    for line in (*rule_lines(facts["rejected_by"]), *facts["advice"]):
        print(line)


def rule_lines(rejected_by: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each rule that rejected clips: its name, how many, what such a clip is."""
    from leitmotif.filters.rule import discover

    known = discover()
    for name, clips in rejected_by.items():
        why = known[name].why if name in known else "the same bytes as another file"
        yield f"  {name:<18} {clips:>7,}  {why}"


def duration_text(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
