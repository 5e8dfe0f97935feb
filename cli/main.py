"""The `leitmotif` command: runs a subcommand, and turns what goes wrong into a line and an exit code."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from leitmotif.cli import console
from leitmotif.cli.exits import Exit
from leitmotif.cli.interrupt import Interrupts
from leitmotif.cli.memory import ran_out_of_memory
from leitmotif.cli.parser import make_parser
from leitmotif.pipelines.silence import silence_prefect
from leitmotif.storage.errors import OutsideError, RunError, one_line

_NO_MEMORY = (
    "memory ran out; end other programs, or raise the limit (ulimit -v, a container's), and run again: what "
    "was done so far is kept"
)


def command() -> NoReturn:
    """Run the command line of this process, and end it."""
    _read_names_as_utf_8()
    console.set_up_output()
    interrupts = Interrupts(as_json="--json" in sys.argv)
    interrupts.listen()
    code = main(interrupts=interrupts)
    if interrupts.came and interrupts.line is not None:
        interrupts.end()
    interrupts.stop_listening()
    sys.exit(code)


def _read_names_as_utf_8() -> None:
    """Start again in Python's UTF-8 mode where the locale has files' names read in another encoding."""
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def main(arguments: Sequence[str] | None = None, *, interrupts: Interrupts | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: The words after `leitmotif`; those of this process by default.
        interrupts: Called with how to go on after Ctrl-C.

    Returns:
        One of `Exit`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words  # known before the words are, since they may be wrong
    interrupts = interrupts or Interrupts()
    try:
        code = _run(words, interrupts)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has had enough; nothing is to be said at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.READER_GONE
    except RunError as error:
        kind, code = ("outside", Exit.OUTSIDE) if isinstance(error, OutsideError) else ("user", Exit.USER)
        return _fail(error, kind, code, as_json=as_json, facts=error.facts)
    except KeyboardInterrupt:
        said = interrupts.line() if interrupts.line else "interrupted"
        return _fail(said, "interrupted", Exit.INTERRUPTED, as_json=as_json)
    except Exception as error:
        if ran_out_of_memory(error):
            code = _fail(_NO_MEMORY, "outside", Exit.OUTSIDE, as_json=as_json)
            # What libraries that are half there have to say at exit helps nobody.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
            return code
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}; this is a fault of leitmotif, please report the lines above"
        return _fail(said, "fault", Exit.FAULT, as_json=as_json)


def _run(words: Sequence[str], interrupts: Interrupts) -> Exit:
    parser = make_parser()
    options = parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return Exit.DONE
    interrupts.line = _line_of_interrupt(options, words)
    if getattr(options, "workers", 1) > 1:
        interrupts.shield_children()
    console.set_up_logging(options.verbose)
    silence_prefect(verbose=options.verbose)
    return Exit(options.run(options))


def _line_of_interrupt(options: argparse.Namespace, words: Sequence[str]) -> Callable[[], str] | None:
    """Return what gives the line that says how to go on; None if the command is ended by Ctrl-C."""
    if options.until_interrupted and options.until_interrupted(options):
        return None

    def line() -> str:
        more = options.go_on(options) if options.go_on else []
        return f"interrupted; go on with: {shlex.join(['leitmotif', *words, *more])}"

    return line


def _fail(
    error: object, kind: str, code: Exit, *, as_json: bool, facts: Mapping[str, Any] | None = None
) -> Exit:
    said = one_line(error)
    console.print_error(f"leitmotif: error: {said}")
    if as_json:
        console.print_json({**(facts or {}), "error": said, "kind": kind, "exit_code": int(code)})
    return code
