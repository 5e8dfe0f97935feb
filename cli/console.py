"""What the commands show: log lines, a summary at the end, JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:  # rich takes longer to import than `leitmotif --help` takes in all
    from rich.console import Console


# Controls but tab and line feed, and what turns the direction of text: a terminal obeys them. Names of files
# and what servers say are anybody's.
_OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return a text that no terminal takes for orders: those in it are escaped, as Python does."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Printable:
    """An output to which all that is printed is made printable.

    Attributes:
        stream: The output itself, for what is meant to move a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        return self.stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _PrintableLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


@cache
def errors() -> Console:
    """Return the console of standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def output() -> Console:
    """Return a console of standard output; what is shown there is made printable by whoever shows it."""
    from rich.console import Console

    stream = sys.stdout.stream if isinstance(sys.stdout, Printable) else sys.stdout
    return Console(file=stream, highlight=False)


def set_up_output() -> None:
    """Let any text be printed: letters that the locale (or a pipe on Windows) has not are escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
        sys.stdout = Printable(sys.stdout)


def print_error(line: object) -> None:
    """Print a line to standard error."""
    print(printable(str(line)), file=sys.stderr)


def set_up_logging(verbose: bool) -> None:
    """Send log lines to standard error: warnings, or everything of ours."""
    handler: logging.Handler = logging.StreamHandler()
    if errors().is_terminal:
        from rich.logging import RichHandler

        handler = RichHandler(console=errors(), show_path=False, show_time=False)
    handler.setFormatter(_PrintableLines("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
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
    from leitmotif.filters.rule import ASKED_FIRST, discover

    known = discover()
    for name, clips in rejected_by.items():
        why = known[name].why if name in known else ASKED_FIRST.get(name, "")
        yield f"  {name:<18} {clips:>7,}  {why}"


def duration_text(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
