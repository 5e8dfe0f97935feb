"""Records of what was made, as JSON files that people can edit, and from which it can be made again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from leitmotif.assignments import wrong_value
from leitmotif.phrases import no_such_file
from leitmotif.storage.documents import DocumentError, read_object
from leitmotif.storage.errors import UserError, is_machine_fault

Record = TypeVar("Record")


def facts_of(record: Any) -> dict[str, Any]:
    """Return a record, a dataclass, as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(record)))
    return found


def bytes_of(record: Any) -> bytes:
    """Return a record as its file holds it."""
    text = json.dumps(record.facts(), indent=1, ensure_ascii=False) + "\n"
    # Of the name of a file that is no UTF-8, JSON has the escape.
    return text.encode(errors="backslashreplace")


def read_record(path: Path, reader: TypeAdapter[Record], named: str) -> Record:
    """Return the record in a file.

    Args:
        path: The file.
        reader: Reads the record.
        named: What it is called, such as "bridges".

    Raises:
        UserError: There is no such file, or something in it is of no use.
    """
    try:
        return reader.validate_python(read_object(path))
    except ValidationError as error:
        said = wrong_value(".".join(map(str, error.errors()[0]["loc"])), error)
        raise UserError(f"{str(path)!r}: {str(said).removeprefix('setting ')}") from error
    except DocumentError as error:
        raise UserError(
            f"{str(path)!r} holds no {named} ({error}); give a file that `leitmotif generate` wrote"
        ) from error
    except OSError as error:
        if is_machine_fault(error):
            raise
        said_of = no_such_file(path) if not path.exists() else (error.strerror or str(error))
        raise UserError(f"{str(path)!r} cannot be read: {said_of}") from error


def holds(path: Path, *names: str) -> bool:
    """Tell whether a file is a record with these names, whatever was edited in it."""
    try:
        found = read_object(path)
    except (DocumentError, OSError):
        return False
    return set(names) <= set(found)
