"""Settings as people type them, KEY=VALUE, for every command with `--set`; and what is said of wrong ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from leitmotif.phrases import did_you_mean
from leitmotif.storage.documents import DocumentError, parse_yaml
from leitmotif.storage.errors import UserError

# How Pydantic calls the kinds of values, and what people call them.
_PLAIN_WORDS = {
    "a valid integer": "a whole number",
    "a valid boolean": "true or false",
    "a valid tuple": "a list",
    "a valid ": "a ",
}
_PERCENT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*%\s*")


def split_assignment(assignment: str, form: str = "key=value") -> tuple[str, str]:
    """Return name and value of `name=value`, the value as it was typed.

    Args:
        assignment: What was typed.
        form: What the name looks like, for the message.

    Raises:
        UserError: It is not written so.
    """
    name, equals, value = assignment.partition("=")
    if not equals or not name.strip():
        raise UserError(f"setting {assignment!r} is not understood; expected {form}")
    return name.strip(), value


def read_value(assignment: str) -> Any:
    """Return the value of `name=value`, read as YAML; None where nothing is given.

    Raises:
        UserError: It is no YAML.
    """
    try:
        return parse_yaml(assignment.partition("=")[2])
    except DocumentError as error:
        raise UserError(f"the value of setting {assignment!r} is not YAML; quote it") from error


def known(what: str, name: str, names: Iterable[Any]) -> str:
    """Return the name if it is known.

    Raises:
        UserError: It is not; the text lists the near names, or all of a few.
    """
    if name in names:
        return name
    listed = sorted(str(n) for n in names)
    meant = did_you_mean(str(name), listed).strip() or f"expected {', '.join(listed)}"
    raise UserError(f"{what} {name!r} is not known; {meant}")


def wrong_value(where: str, error: ValidationError) -> UserError:
    """Return the error that says of the first wrong value what was given and what is expected.

    Args:
        where: Name of the setting, as people type it; empty where several are wrong together.
        error: What Pydantic raised.
    """
    first = error.errors()[0]
    if first["type"] == "missing":
        return UserError(f"setting {where or '.'.join(map(str, first['loc']))} is missing; give it a value")
    said = first["msg"].removeprefix("Value error, ")
    expected = re.sub(r"^Input should be (.*?)(, (unable|got) .*)?$", r"expected \1", said)
    for theirs, plain in _PLAIN_WORDS.items():
        expected = expected.replace(theirs, plain)
    if (share := _PERCENT.fullmatch(str(first["input"]))) and "a number" in expected:
        expected += f"; for {share[1]} % write {float(share[1]) / 100:g}"
    return UserError(f"setting {where}: got {first['input']!r}, {expected}" if where else expected)
