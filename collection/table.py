"""Read the rows of a CSV file one by one, with clear words where it is none."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from leitmotif.collection.folder import SourceError


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the line, cells) of each row that is not empty.

    Raises:
        SourceError: The file cannot be read, or is no CSV.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, skipinitialspace=True, strict=True)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{str(path)!r} cannot be read as a CSV file ({error})") from error


def header_of(path: Path) -> list[str]:
    """Return the names of the columns, in lower case: the first row, or AudioSet's last comment line."""
    names: list[str] = []
    for _, cells in read_rows(path):
        if names and not cells[0].startswith("#"):
            break
        names = [cell.lstrip("# ").strip().casefold() for cell in cells]
        if not cells[0].startswith("#"):
            break
    return names


def number_in(text: str, *, path: Path, line: int, name: str) -> float | None:
    """Return a cell as seconds or so; None where it is empty.

    Raises:
        SourceError: It is no number.
    """
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise SourceError(
            f"line {line} of {str(path)!r} has {name} {text[:40]!r}; expected a number"
        ) from None
