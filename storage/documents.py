"""JSON and YAML files as people, disks and strangers leave them: read, or one error with one line."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from leitmotif.storage.errors import one_line

# Lists within lists of a YAML file. PyYAML's reader in C falls with the whole process at some thousands.
MOST_DEPTH = 100
# The safe loader, in C where PyYAML was built with it: ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What PyYAML's constructors raise of their own at a value such as `!!int ""` or `2026-99-99`.
_OF_VALUES = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


class DocumentError(ValueError):
    """A document is of no use; the text says why in one line, without the name of the file."""


def parse_json(content: str | bytes) -> Any:
    """Return the value that a JSON text stands for.

    Raises:
        DocumentError: It is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"it is not JSON: {_reason(error)}") from error


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        DocumentError: There is none.
        OSError: The file cannot be read.
    """
    value = parse_json(path.read_bytes())
    if not isinstance(value, dict):
        raise DocumentError(f"it holds {_named(value)}, expected an object")
    return value


def parse_yaml(text: str) -> Any:
    """Return the value that a YAML text stands for, of plain types; None of an empty one.

    Raises:
        DocumentError: It is none.
    """
    try:
        _check_depth(text)
        try:
            return yaml.load(text, _LOADER)
        except yaml.YAMLError:
            # The one in C refuses "\uDCFF", as a byte of a path is written that is no text, and says less.
            return yaml.safe_load(text)
    except (yaml.YAMLError, *_OF_VALUES) as error:
        raise DocumentError(f"it is not YAML: {_reason(error)}") from error


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the YAML mapping in a file, by names.

    Raises:
        DocumentError: There is none.
        OSError: The file cannot be read.
    """
    try:
        value = parse_yaml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DocumentError(f"it is not YAML: {_reason(error)}") from error
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise DocumentError(f"it holds {_named(value)}, expected names with values")
    return value


def yaml_text(value: Any) -> str:
    """Return a value of plain types as YAML, names in their order; `parse_yaml` reads back the same."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes a text with one of Unicode's ends of lines in it so that it is no end of a line."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = '"' if _ENDS.search(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_ENDS = re.compile("[\x85\u2028\u2029\ufeff\ud800-\udfff]")
_Dumper.add_representer(str, _Dumper.represent_text)


def _check_depth(text: str) -> None:
    """Refuse what is nested too deep, by the events of the text: reading these alone does not recurse."""
    depth = 0
    with suppress(yaml.YAMLError):  # which reading says better
        for event in yaml.parse(text, _LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise DocumentError("lists lie in lists too deep")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no text"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    if isinstance(error, yaml.reader.ReaderError):
        return f"{error.reason}, character {error.position + 1}"
    if isinstance(error, RecursionError):
        return "lists lie in lists too deep"
    return "a number has too many digits" if "int_max_str_digits" in str(error) else one_line(error, 200)


_KINDS = {bool: "yes or no", int: "a number", float: "a number", str: "a text", list: "a list"}


def _named(value: object) -> str:
    if value is None:
        return "nothing"
    return "names that are no texts" if isinstance(value, dict) else _KINDS.get(type(value), "another value")
