"""What a person states of the files of a workspace, beside what lies with them: a table, and a licence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leitmotif.collection.folder import FoundFile
from leitmotif.collection.metadata import Metadata
from leitmotif.collection.metadata_table import MetadataTable, read_table
from leitmotif.phrases import no_such_file
from leitmotif.storage.atomic import write_text
from leitmotif.storage.documents import DocumentError, read_mapping, yaml_text
from leitmotif.storage.errors import UserError

NAME = "stated.yaml"
# Raised when the same files would be catalogued with other metadata: every workspace then reads them again.
VERSION = 1
_ADVICE = "; give another with --metadata TABLE, or go on without: --metadata ''"


@dataclass(frozen=True)
class Stated:
    """What is stated of all files.

    Attributes:
        table: Metadata by path or id, believed before anything else.
        license: Licence of files of which nothing else states one.
        former: Files that are gone, by the hash of their bytes: what the table says of one holds for a file
            with the same bytes, such as itself under another name.
    """

    table: MetadataTable | None = None
    license: str | None = None
    former: Mapping[str, Sequence[FoundFile]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.table is not None or self.license is not None

    def of(
        self, file: FoundFile, *, source_id: str | None, media_id: str | None
    ) -> tuple[Metadata, Metadata]:
        """Return what overrules the file's sidecar and tags, and what fills in after them."""
        row = None
        if self.table is not None:
            row = self.table.find(file, source_id=source_id, media_id=media_id)
            for gone in self.former.get(media_id or "", ()):
                row = row or self.table.find(gone, source_id=None, media_id=None)
        return row or Metadata(), Metadata(license=self.license) if self.license else Metadata()

    @staticmethod
    def mark(said: tuple[Metadata, Metadata]) -> str:
        """Return a hash that differs where a file's row was written from other statements."""
        text = json.dumps([VERSION, *map(vars, said)], default=str)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def state(root: Path, *, metadata: str | None = None, license: str | None = None) -> tuple[Stated, bool]:
    """Return what holds for a workspace now, and write it down for later runs.

    Args:
        root: Folder of the workspace.
        metadata: Path of a table; None for the former one, "" for none any more.
        license: Text; None and "" likewise.

    Returns:
        What is stated, and whether anything was before.

    Raises:
        UserError: The table or the note cannot be read.
    """
    former = _read(root / NAME)
    kept = _kept(former, metadata=metadata, license=license)
    try:
        table = read_table(Path(kept["metadata"])) if "metadata" in kept else None
    except UserError as error:
        raise UserError(f"{error}{'' if metadata else _ADVICE}") from error
    if kept != former:
        write_text(root / NAME, yaml_text(dict(sorted(kept.items()))))
    return Stated(table, kept.get("license")), bool(former)


def check_stated(root: Path, *, metadata: str | None = None) -> None:
    """Refuse a table that is not there, before anything is started or written; arguments as of `state`.

    Raises:
        UserError: There is no such file, or the note cannot be read.
    """
    kept = _kept(_read(root / NAME), metadata=metadata)
    if "metadata" in kept and not (path := Path(kept["metadata"])).exists():
        advice = "; give a CSV file or JSON Lines" if metadata else _ADVICE
        raise UserError(
            f"metadata table {str(path.resolve())!r} cannot be read ({no_such_file(path)}){advice}"
        )


def _kept(
    former: dict[str, str], *, metadata: str | None = None, license: str | None = None
) -> dict[str, str]:
    """Return what holds now: what is given, else what was before; an empty text forgets that."""
    words = {
        "metadata": metadata and str(Path(metadata).absolute()),
        "license": license and " ".join(license.split()),
    }
    words = {name: former.get(name) if word is None else word for name, word in words.items()}
    return {name: text for name, text in words.items() if text}


def read_license(root: Path) -> str | None:
    """Return the licence that was given for the files of a workspace that state none; None where none was.

    Raises:
        UserError: The note cannot be read.
    """
    return _read(root / NAME).get("license")


def _read(note: Path) -> dict[str, str]:
    if not note.is_file():
        return {}
    try:
        words = {name: text for name, text in read_mapping(note).items() if text}
        if other := [name for name, text in words.items() if not isinstance(text, str)]:
            raise DocumentError(f"{other[0]} is no text")
    except (DocumentError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{str(note)!r} cannot be read ({reason}); delete it, and give --metadata and --license again"
        ) from error
    return {name: words[name] for name in ("metadata", "license") if name in words}
