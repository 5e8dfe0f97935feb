"""Show the help of everything, or of one command."""

from __future__ import annotations

import argparse

from leitmotif.cli import console

EXAMPLE = "leitmotif help curate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("topic", nargs="*", metavar="COMMAND", help="which command (default: all)")


def run(options: argparse.Namespace) -> int:
    """Print the help."""
    from leitmotif.cli.parser import make_parser, parser_of

    text = parser_of(make_parser(), options.topic).format_help()
    if options.json:
        console.print_json({"help": text})
    else:
        print(text, end="")
    return 0
