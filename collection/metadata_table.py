"""A table of what is known of files: CSV or JSON Lines, a row per file or folder, by path or by id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leitmotif.collection.fields import MAX_DESCRIPTION, MAX_TEXT, Fields
from leitmotif.collection.folder import FoundFile
from leitmotif.collection.metadata import Metadata
from leitmotif.collection.table import encoding_of, read_records, unreadable
from leitmotif.shards.licenses import UNKNOWN_LICENSE
from leitmotif.shards.texts import normalized
from leitmotif.storage.errors import UserError

# Columns that say which file a row is about.
_KEYS = {
    "path": ("path", "file", "filename", "file_name"),
    "source_id": ("source_id",),
    "clip_id": ("clip_id",),
}
# Columns that fill each field, most wanted first.
COLUMNS = {
    "title": ("title", "track", "song"),
    "artist": ("artist", "artists", "artist_name"),
    "license": ("license", "licence"),
    "source_url": ("url", "source_url", "webpage_url"),
    "description": ("description",),
    "uploader": ("uploader", "channel"),
    "isrc": ("isrc",),
    "recording_id": ("recording_id",),
}
_KNOWN = frozenset(name for columns in (_KEYS, COLUMNS) for names in columns.values() for name in names)
_LINES = (".jsonl", ".ndjson")


@dataclass
class MetadataTable:
    """Rows of metadata, found by the path of a file or by an id.

    Attributes:
        path: Where the table lies.
        rows: What each row says.
        notes: What in it is of no use, a line each.
    """

    path: Path
    rows: list[Metadata] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _places: dict[tuple[str, str], int] = field(default_factory=dict)
    _matched: set[int] = field(default_factory=set)

    def find(self, file: FoundFile, *, source_id: str | None, media_id: str | None) -> Metadata | None:
        """Return what the row of a file says of it.

        Args:
            file: The file, named by its whole path, the path in its source, or that from the table's folder.
            source_id: Name of the file among all sources, where something gave it one.
            media_id: Hash of its bytes, the `clip_id` of a whole file; None where it is not known yet.
        """
        paths = self._paths(file)
        names = [("path", paths[0]), ("path", paths[1]), ("source_id", file.source_id)]
        if source_id:
            names.append(("source_id", source_id))
        names += [("path", path) for path in paths[2:]]
        if media_id:
            names.append(("clip_id", media_id))
        return self._take(next((self._places[name] for name in names if name in self._places), None))

    def find_folder(self, file: FoundFile) -> Metadata | None:
        """Return what the row of the innermost folder around a file says, named as a file is."""
        found = [
            (steps, self._places["path", folder])
            for path in self._paths(file)
            for steps, folder in enumerate(_folders(path))
            if ("path", folder) in self._places
        ]
        return self._take(min(found)[1] if found else None)

    def _paths(self, file: FoundFile) -> list[str]:
        """Return what a row may call a file: its whole path, that in its source, that from the table."""
        paths = [_path(file.path), _path(file.source_id)]
        if file.path.is_relative_to(self.path.parent):
            paths.append(_path(file.path.relative_to(self.path.parent)))
        return paths

    def _take(self, row: int | None) -> Metadata | None:
        if row is None:
            return None
        self._matched.add(row)
        return self.rows[row]

    def unmatched(self) -> list[str]:
        """Return what names the file in each row that no file was found for, in order."""
        names = {row: name for (_, name), row in reversed(self._places.items())}
        return [names[row] for row in sorted(names) if row not in self._matched]

    def _add(self, keys: Mapping[str, str], metadata: Metadata) -> bool:
        """Take a row; return False where an earlier one is about the same file."""
        named = list(keys.items())
        if any(name in self._places for name in named):
            return False
        self._places |= dict.fromkeys(named, len(self.rows))
        self.rows.append(metadata)
        return True


def read_table(path: Path) -> MetadataTable:
    """Read a table of metadata; columns and fields that are of no use are its notes.

    Args:
        path: `.jsonl` or `.ndjson` with an object a line, or a CSV file with a header.

    Raises:
        UserError: The file cannot be read, or nothing in it says which file a row is about.
    """
    table = MetadataTable(path.absolute())
    again: list[int] = []
    nameless: list[int] = []
    shown = path.resolve()
    rows = _lines(path) if path.suffix.lower() in _LINES else read_records(path)
    seen: set[str] = set()
    for number, row in rows:
        seen |= {name for name, value in row.items() if value not in ("", None)}
        said = Fields(row)
        keys = {kind: said.text(*names) for kind, names in _KEYS.items()}
        named = {kind: _path(name) if kind == "path" else name for kind, name in keys.items() if name}
        if not named:
            nameless.append(number)
        elif not table._add(named, _metadata(said)):
            again.append(number)
        if said.odd:
            table.notes.append(f"line {number} of {shown}: passed over {', '.join(said.odd)}")
    if not table.rows:
        raise UserError(
            f"no row of {str(shown)!r} says which file it is about (got {', '.join(sorted(seen))[:300]}); "
            f"expected a column of {', '.join(name for names in _KEYS.values() for name in names)}"
        )
    unknown = sorted(seen - _KNOWN)
    if unknown:
        table.notes.append(
            f"{shown}: columns passed over: {', '.join(unknown)}; known are {', '.join(sorted(_KNOWN))}"
        )
    for lines, reason in ((again, "an earlier one is about the same file"), (nameless, "they name no file")):
        if lines:
            table.notes.append(f"{shown}: {len(lines)} rows passed over, {reason} (first: line {lines[0]})")
    return table


def _metadata(said: Fields) -> Metadata:
    most = {"description": MAX_DESCRIPTION}
    known: dict[str, Any] = {
        name: said.address(*columns)
        if name == "source_url"
        else said.text(*columns, most=most.get(name, MAX_TEXT))
        for name, columns in COLUMNS.items()
    }
    return Metadata(**known | {"license": known["license"] or UNKNOWN_LICENSE})


def _path(name: str | Path) -> str:
    """Return a path in one spelling: slashes, no `./`, none at the end, composed letters."""
    text = normalized("NFC", str(name)).replace("\\", "/")
    return text.removeprefix("./").rstrip("/")


def _folders(path: str) -> Iterator[str]:
    """Yield the folders around a file, the innermost first."""
    while path := path.rpartition("/")[0]:
        yield path


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number of the line, object) of a file of JSON lines."""
    try:
        with path.open(encoding=encoding_of(path)) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if not isinstance(row, dict):
                    raise UserError(f"line {number} of {str(path)!r} is no JSON object; expected one a line")
                yield number, {str(name).casefold(): value for name, value in row.items()}
    except (OSError, UnicodeError) as error:
        raise unreadable(path, "JSON lines", error) from error
