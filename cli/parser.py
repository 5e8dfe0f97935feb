"""The parser of the command line: options anywhere, near names, errors as exceptions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from leitmotif.phrases import did_you_mean
from leitmotif.storage.errors import UserError

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
    "encode",
    "export-dataset",
    "train",
    "describe",
    "index",
    "retrieve",
    "generate",
    "score",
    "edit",
    "edits",
    "export",
    "evaluate",
    "survey",
    "doctor",
    "fetch-models",
    "completion",
    "help",
)


class Parser(argparse.ArgumentParser):
    """A parser whose every level knows --json and --verbose, and whose errors are raised."""

    def __init__(self, *, example: str | None = None, **options: Any) -> None:
        options["epilog"] = f"{_Formatter.EXAMPLE}{example}" if example else None
        super().__init__(formatter_class=_Formatter, **options)
        # Left out where it is not given: a deeper level would otherwise undo what a higher one was given.
        self.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print one JSON object as the last line of standard output; errors, too",
        )
        self.add_argument("--verbose", action="store_true", default=argparse.SUPPRESS, help="log more")

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would exit with.

        Raises:
            UserError: Always.
        """
        raise UserError(f"{message}; see `{self.prog} --help`")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and name what is near to an option that is not known."""
        if self._subparsers is None:
            self._refuse_unknown(args)
        parsed, extra = self._parse(args, namespace)
        if extra and self._subparsers is None:
            self._refuse(extra)
        return parsed, extra

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse what is left over."""
        parsed, extra = self.parse_known_args(args, namespace)
        if extra:
            self._refuse(extra)
        return parsed

    def _parse(self, args: Any, namespace: Any) -> Any:
        return super().parse_known_args(args, namespace)

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """Refuse unknown options before argparse complains of what is missing instead."""
        known = self._option_string_actions
        for word in words:
            if word == "--":
                return
            name = word.split("=")[0]
            if word.startswith("--") and " " not in word and not any(key.startswith(name) for key in known):
                self._refuse([word])

    def _refuse(self, words: Sequence[str]) -> NoReturn:
        options = [word.split("=")[0] for word in words if word.startswith("-")]
        if not options:
            self.error(f"got more than `{self.prog}` takes: {' '.join(words)}")
        hint = did_you_mean(options[0], self._option_string_actions).strip()
        self.error(f"`{self.prog}` has no option {', '.join(options)}{f'; {hint}' if hint else ''}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        what = action.metavar if isinstance(action.metavar, str) else "/".join(action.option_strings)
        what = (what or action.dest).lower()
        choices = list(map(str, action.choices))
        known = ", ".join(choices)
        self.error(
            f"got {what} {value!r}; {did_you_mean(value, choices).strip() or f'expected one of {known}'}"
        )


class CommandParser(Parser):
    """Takes options before, between and behind the arguments, as people type them."""

    _is_intermixing = False

    def _parse(self, args: Any, namespace: Any) -> Any:
        if self._subparsers is not None or self._is_intermixing:
            return super()._parse(args, namespace)
        self._is_intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; the passes of an intermixed parse leave to the whole what they do not know."""
        if self._is_intermixing:
            return self._parse(args, namespace)
        return super().parse_known_args(args, namespace)


class _Formatter(argparse.HelpFormatter):
    """Leaves an example on a line of its own, as it is typed."""

    EXAMPLE = "example:\n  "

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith(self.EXAMPLE) else super()._fill_text(text, width, indent)


class _Version(argparse.Action):
    """Looks the version up when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        from importlib.metadata import version

        print(f"leitmotif {version('leitmotif-av')}")
        parser.exit()


def make_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="leitmotif",
        description="Build, annotate and curate video-music-text datasets.",
        example="leitmotif demo",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version")
    parser.set_defaults(json=False, verbose=False, command=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=CommandParser)
    for name in COMMANDS:
        module = import_module(f"leitmotif.cli.{name.replace('-', '_')}")
        summary = (module.__doc__ or "").strip().splitlines()[0]
        subparser = commands.add_parser(
            name, help=summary, description=module.__doc__, example=getattr(module, "EXAMPLE", None)
        )
        module.add_arguments(subparser)
        # What a command may say of Ctrl-C: words to add to go on, and whether it is the way to end it.
        subparser.set_defaults(
            run=module.run,
            go_on=getattr(module, "go_on", None),
            until_interrupted=getattr(module, "until_interrupted", None),
        )
    return parser


def children_of(parser: argparse.ArgumentParser) -> dict[str, Parser]:
    """Return the parsers of the commands below one, by name."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(below[0].choices) if below else {}


def parser_of(parser: Parser, words: Sequence[str]) -> Parser:
    """Return the parser that words such as `train mmdm` lead to.

    Raises:
        UserError: A word is no command.
    """
    for word in words:
        known = children_of(parser)
        if word not in known:
            listed = f"expected one of {', '.join(known)}" if known else "it has none"
            raise UserError(
                f"`{parser.prog}` has no command {word!r}; {did_you_mean(word, known).strip() or listed}"
            )
        parser = known[word]
    return parser
