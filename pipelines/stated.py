"""What a person states of the files of a workspace, beside what lies with them: tables, and licences."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote

from leitmotif.collection.folder import FoundFile
from leitmotif.collection.metadata import Metadata, filled
from leitmotif.collection.metadata_table import MetadataTable, read_table
from leitmotif.phrases import no_such_file
from leitmotif.pipelines.given import NAME, OPTIONS, Given, Option, given_text, read_given
from leitmotif.storage.atomic import write_text
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import UserError

logger = logging.getLogger("leitmotif.pipelines")

# Raised when the same files would be catalogued with other metadata: every workspace then reads them again.
VERSION = 1


@dataclass(frozen=True)
class Stated:
    """What is stated of files.

    Attributes:
        given: Which table and which licence hold for which files. A table is believed before anything else; a
            licence holds for files of which nothing else states one.
        tables: The tables by their paths, as they are named in `given`.
        news: Those of them that are given now, or are not what they were when they were last spoken of.
        former: Files that are gone or missing, by the hash of their bytes: what was stated of one holds for a
            file with the same bytes, such as itself under another name.
    """

    given: Given = field(default_factory=Given)
    tables: Mapping[str, MetadataTable] = field(default_factory=dict)
    news: frozenset[str] = frozenset()
    former: Mapping[str, Sequence[FoundFile]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.given)

    def of(
        self, file: FoundFile, *, source_id: str | None, media_id: str | None
    ) -> tuple[Metadata, Metadata]:
        """Return what overrules the file's sidecar and tags, and what fills in after them."""
        gone = self.former.get(media_id, ()) if media_id else ()
        own, license = self._table(file), self.given.of("license", file.path, *(each.path for each in gone))
        before = [(table, each) for each in gone if (table := self._table(each))]
        # What is said of the file itself under a former name comes before what is said of its folder.
        rows = [own.find(file, source_id=source_id, media_id=media_id)] if own else []
        rows += [table.find(each, source_id=None, media_id=None) for table, each in before]
        folders = [table.find_folder(each) for table, each in [*([(own, file)] if own else []), *before]]
        said = [next(filter(None, found), Metadata()) for found in (rows, folders)]
        return filled(*said), Metadata(license=license) if license else Metadata()

    def unmatched(self) -> dict[str, list[str]]:
        """Return what the rows of each table name that are about no file, be it there or a former one."""
        for media_id, files in self.former.items():
            for file in files:
                if table := self._table(file):
                    table.find(file, source_id=None, media_id=media_id or None)
                    table.find_folder(file)
        return {path: table.unmatched() for path, table in self.tables.items()}

    def _table(self, file: FoundFile) -> MetadataTable | None:
        path = self.given.of("metadata", file.path)
        return self.tables[path] if path else None

    @staticmethod
    def mark(said: tuple[Metadata, Metadata]) -> str:
        """Return a hash that differs where a file's row was written from other statements."""
        text = json.dumps([VERSION, *map(vars, said)], default=str)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def state(
    root: Path, sources: Sequence[Path] = (), *, metadata: str | None = None, license: str | None = None
) -> tuple[Stated, bool]:
    """Return what holds for the files of a workspace now, and write it down for later runs.

    What of a table is of no use is said when it is given, and when it has changed.

    Args:
        root: Folder of the workspace.
        sources: Folders and files for which the others are given; none for everything in the workspace.
        metadata: Path of a table; None for the former one, "" for none any more.
        license: Text; None and "" likewise.

    Returns:
        What is stated, and whether anything was before.

    Raises:
        UserError: A table or the note cannot be read.
    """
    former = read_given(root)
    given = _given_now(former, sources, metadata=metadata, license=license)
    tables = {}
    for path in given.texts("metadata"):
        tables[path] = _read(given, path, metadata)
    texts: dict[Option, str | None] = {"metadata": metadata, "license": license}
    for option, text in texts.items():
        for place, kept in given.within(option, sources).items() if text is not None else ():
            if kept != given.of(option, Path(place).parent):
                logger.info("%s keeps its own --%s %s; name it as SOURCE to change that", place, option, kept)
    given = replace(given, told={path: sha256_of(Path(path)) for path in tables})
    given_now = metadata and str(Path(metadata).absolute())
    news = {path for path in tables if path == given_now or given.told[path] != former.told.get(path)}
    for path in sorted(news):
        for note in tables[path].notes:
            logger.warning("%s", note)
    if given != former:
        write_text(root / NAME, given_text(given))
    return Stated(given, tables, frozenset(news)), bool(former)


def check_stated(root: Path, sources: Sequence[Path] = (), *, metadata: str | None = None) -> None:
    """Refuse a table that is of no use, before anything is started or written; arguments as of `state`.

    Raises:
        UserError: There is no such file, it is no table of files, or the note cannot be read.
    """
    given = _given_now(read_given(root), sources, metadata=metadata)
    for path in map(Path, given.texts("metadata")):
        if not path.exists():
            advice = _advice(given, str(path), metadata) or "; give a CSV file or JSON Lines"
            raise UserError(
                f"metadata table {str(path.resolve())!r} cannot be read ({no_such_file(path)}){advice}"
            )
        _read(given, str(path), metadata)


def _read(given: Given, path: str, metadata: str | None) -> MetadataTable:
    try:
        return read_table(Path(path))
    except UserError as error:
        raise UserError(f"{error}{_advice(given, path, metadata)}") from error


def _given_now(
    former: Given, sources: Sequence[Path], *, metadata: str | None = None, license: str | None = None
) -> Given:
    """Return what holds now: what is given, else what was before; an empty text forgets that."""
    words: dict[Option, str | None] = {
        "metadata": metadata and str(Path(metadata).absolute()),
        "license": license if license is None else " ".join(license.split()),
    }
    for option in OPTIONS:
        former = former.changed(option, words[option], sources)
    return former


def _advice(given: Given, path: str, metadata: str | None) -> str:
    """Return what helps where a table of a former run is of no use; nothing of one that is given now."""
    if metadata and str(Path(metadata).absolute()) == path:
        return ""
    places = "".join(f" {quote(place)}" for place in given.places("metadata", path)[:1])
    return f"; give another with{places} --metadata TABLE, or go on without any: --metadata ''"
