"""The `leitmotif` command: runs a subcommand, and turns what goes wrong into a line and an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any, NoReturn

from leitmotif.cli import console

# One module each, with _ for -; the first line of its docstring is its help.
COMMANDS = (
    "demo",
    "collect",
    "curate",
    "status",
    "publish",
    "report",
    "validate",
    "takedown",
    "train",
    "describe",
    "export",
    "evaluate",
    "survey",
    "doctor",
    "fetch-models",
)

DONE, STRICT, USER, OUTSIDE = 0, 1, 2, 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USER, f"{self.prog}: error: {message}; see `{self.prog} --help`\n")


class _CommandParser(_Parser):
    """Takes options before, between and behind the arguments, as people type them."""

    _is_intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._subparsers is not None or self._is_intermixing:
            return super().parse_known_args(args, namespace)
        self._is_intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixing = False


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(prog="leitmotif", description="Build, annotate and curate video-music-text datasets.")
    parser.add_argument("--version", action="version", version=f"leitmotif {version('leitmotif-av')}")
    parser.add_argument("--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser
    )
    for name in COMMANDS:
        module = import_module(f"leitmotif.cli.{name.replace('-', '_')}")
        summary = (module.__doc__ or "").strip().splitlines()[0]
        subparser = commands.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: The words after `leitmotif`; those of this process by default.

    Returns:
        0 done; 1 finished, but rows were quarantined and --strict was given; 2 the user's input is wrong; 3
        something outside failed.
    """
    options = make_parser().parse_args(arguments)
    console.set_up_logging(options.verbose)
    # Nobody asked to be counted; a user who wants Prefect's telemetry can set these otherwise.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")  # of a busy machine
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "DEBUG" if options.verbose else "CRITICAL")
    from leitmotif.pipelines.errors import OutsideError, UserError

    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has had enough; nothing is to be said at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except UserError as error:
        return _fail(error, USER)
    except OutsideError as error:
        return _fail(error, OUTSIDE)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to go on", 130)


def _fail(error: object, code: int) -> int:
    print(f"leitmotif: error: {' '.join(str(error).split())}", file=sys.stderr)
    return code
