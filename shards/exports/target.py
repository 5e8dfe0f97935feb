"""What every kind of export does: take rows one by one, and finish what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol


class Target(Protocol):
    """Writes rows as one trainer reads them.

    Attributes:
        NAME: What `--for` says.
        COLUMNS: Columns that it reads of a dataset; `clip_id`, `audio` and `caption` are read anyway.
        READ_BY: What reads it, and how it is told where.
    """

    NAME: ClassVar[str]
    COLUMNS: ClassVar[tuple[str, ...]]
    READ_BY: ClassVar[str]

    def __init__(self, folder: Path, place: Path) -> None:
        """Write nothing yet.

        Args:
            folder: Where to write.
            place: Where that will stand when all of it is whole.
        """

    def add(self, split: str, row: Mapping[str, Any]) -> str:
        """Write a row; return the file that holds it, by its path in the folder."""

    def close(self) -> list[str]:
        """Write what stands beside the rows; return what is to be known, a line each."""


def sound_of(row: Mapping[str, Any]) -> bytes:
    """Return the FLAC file of a row."""
    found: bytes = row["audio"]["bytes"]
    return found
