"""Records of what was made, as JSON files that people can edit, and from which it can be made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from leitmotif.assignments import wrong_value
from leitmotif.phrases import no_such_file
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.documents import DocumentError, read_object
from leitmotif.storage.errors import UserError, is_machine_fault
from leitmotif.storage.places import check_place

Record = TypeVar("Record")


def facts_of(record: Any) -> dict[str, Any]:
    """Return a record, a dataclass, as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(record)))
    return found


def bytes_of(record: Any) -> bytes:
    """Return a record as its file holds it."""
    return json_bytes(record.facts())


def json_bytes(facts: dict[str, Any]) -> bytes:
    """Return facts as the file of a record holds them."""
    text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
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


def check_targets(
    files: Iterable[Path], record: Path, is_ours: Callable[[Path], bool], inputs: Iterable[Path]
) -> None:
    """Refuse places that cannot be written, or where something lies that was not made here.

    Args:
        files: What is to be written beside the record.
        record: The record. A file that is there is replaced where this one has its digest.
        is_ours: Tells whether a file is such a record.
        inputs: Files that are read for it.

    Raises:
        UserError: With the reason; what the user has is kept.
    """
    files, given = list(files), {path.resolve() for path in inputs}
    for path in (*files, record):
        check_place(path)
        if path.is_dir():
            raise UserError(f"{str(path)!r} cannot be written: it is a folder; choose another name")
        if path.resolve() in given:
            raise UserError(f"{str(path)!r} is what this is made of, and is kept; choose another name")
    if record.exists() and not is_ours(record):
        raise UserError(
            f"{str(record)!r}, where the record would stand, is something else; choose another name"
        )
    there = [path for path in files if path.exists()]
    digests = _digests(record) if there and record.exists() else frozenset()
    for path in there:
        if not digests or sha256_of(path) not in digests:
            raise UserError(
                f"got {str(path)!r} to write, which is there already; expected a new name, or a file that "
                f"{record.name!r} beside it says was made here: choose another name, or move the file"
            )


def _digests(record: Path) -> frozenset[str]:
    """Return the digests of the files that a record says were made with it."""
    found = read_object(record)
    made = found.get("made", found)
    if not isinstance(made, dict):  # None where nothing was made yet
        return frozenset()
    return frozenset(str(value) for name, value in made.items() if name.endswith("sha256"))
