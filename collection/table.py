"""Read the rows of a CSV file one by one, with clear words where it is none.

Spreadsheets write commas, semicolons or tabs, in UTF-8 with or without a byte order mark, or in UTF-16.
"""

from __future__ import annotations

import codecs
import csv
import math
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

from leitmotif.phrases import no_such_file
from leitmotif.storage.errors import UserError

# Letters of a cell; the module's own limit of 131,072 is less than some description has.
csv.field_size_limit(1 << 24)


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the line, cells) of each row that is not empty.

    Cells are parted by what parts the header: commas, semicolons or tabs.

    Raises:
        UserError: The file cannot be read, or is no CSV.
    """
    try:
        encoding, delimiter = encoding_of(path), _delimiter(path)
        with path.open(encoding=encoding, newline="") as lines:
            reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield reader.line_num, cells
    except (OSError, UnicodeError, csv.Error) as error:
        raise unreadable(path, "a CSV file", error) from error


def unreadable(path: Path, what: str, error: Exception) -> UserError:
    """Return why a file of text cannot be read, with its whole path and nothing that is Python's.

    Args:
        path: The file.
        what: What was expected of it, such as "a CSV file".
        error: What reading it raised.
    """
    if isinstance(error, FileNotFoundError):
        reason = no_such_file(path)
    else:
        reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, UnicodeDecodeError):
        reason = f"it is not in UTF-8, at byte {error.start}; save it as UTF-8"
    return UserError(f"{str(path.resolve())!r} cannot be read as {what} ({reason})")


def encoding_of(path: Path) -> str:
    """Return how a file of text is encoded, by its byte order mark; UTF-8 where there is none.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return "utf-16" if wide else "utf-8-sig"


def _delimiter(path: Path) -> str:
    """Return what parts the names in the header: the first line, or the last of the comments before rows."""
    header = ""
    with path.open(encoding=encoding_of(path)) as lines:
        for line in lines:
            if header and not line.startswith("#"):
                break
            header = line
            if line.strip() and not line.startswith("#"):
                break
    return max(",;\t", key=header.count)


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


def read_records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (number of the line, cells by column) of each row below the header.

    Raises:
        UserError: The file cannot be read, or is no CSV.
    """
    names, rows = header_of(path), read_rows(path)
    _, header = next(rows, (0, [""]))
    if header[0].startswith("#"):
        rows = dropwhile(lambda row: row[1][0].startswith("#"), rows)
    for line, cells in rows:
        yield line, dict(zip(names, cells, strict=False))


def number_in(text: str, *, path: Path, line: int, name: str) -> float | None:
    """Return a cell as seconds or so; None where it is empty.

    Raises:
        UserError: It is no number.
    """
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"line {line} of {str(path)!r} has {name} {text[:40]!r}; expected a number")
    return number
