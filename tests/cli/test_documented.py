"""Commands that the pages print are those that the command line takes, and can be typed as they are."""

import re
import shlex

import pytest

from leitmotif.cli.parser import make_parser
from tests.pages import PAGES, REPOSITORY, commands

PRINTED = [command for page in PAGES for command in commands(REPOSITORY / page)]


@pytest.mark.parametrize(
    "command", [each for each in dict.fromkeys(PRINTED) if each.startswith("leitmotif ") and "…" not in each]
)
def test_a_printed_command_is_taken(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])
    assert make_parser().parse_args(words[1:]).command


def test_no_shell_takes_an_address_for_a_pattern() -> None:
    assert not [each for each in PRINTED if re.search(r"(?<![\"'])https?://[^\s'\"]*[?*]", each)]


def test_a_remark_stands_behind_a_sign() -> None:
    assert not [each for each in PRINTED if re.search(r"\S {3,}[^#\s]", each)]
