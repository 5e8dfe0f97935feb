"""Print a script by which a shell completes commands and options."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from leitmotif.cli import console

EXAMPLE = "leitmotif completion bash > ~/.local/share/bash-completion/completions/leitmotif"
SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from leitmotif.cli.parser import make_parser

    parser = make_parser()
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    script = shtab.complete(parser, options.shell)
    if options.json:
        console.print_json({"shell": options.shell, "script": script})
    else:
        print(script)
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    from leitmotif.cli.parser import children_of

    yield from parser._actions
    for child in children_of(parser).values():
        yield from _actions(child)
