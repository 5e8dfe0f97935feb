"""Enter found files into the catalog: who they are (a hash of their bytes), and what is said of them."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from leitmotif.collection.folder import FoundFile
from leitmotif.collection.metadata import Metadata, merged
from leitmotif.collection.sidecar import find_sidecar, read_metadata
from leitmotif.collection.tags import metadata_of_tags
from leitmotif.media.errors import MediaError, NotMedia, Unreadable
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.media.tags import read_tags
from leitmotif.pipelines.stated import Stated
from leitmotif.shards.clip_ids import hash_media
from leitmotif.storage.errors import is_machine_fault
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.storage.table import AppendOnlyTable

logger = logging.getLogger("leitmotif.pipelines")

# Entered in one go; what is lost at most when a machine dies.
BATCH = 256
# The smallest tag there is (ID3v1) takes as many bytes.
LEAST_TAGGED_BYTES = 128
TAGS_LIMIT_S = 30.0


@dataclass(frozen=True)
class _Row:
    """What the catalog holds of a readable file: the state in which it was entered."""

    size_bytes: int | None
    modified_ns: int | None
    sidecar_modified_ns: int | None
    stated: str | None
    source_id: str
    media_id: str | None
    entered_in: int | None


def enter(
    catalog: AppendOnlyTable,
    files: Sequence[FoundFile],
    *,
    stated: Stated = Stated(),  # noqa: B008 - it is frozen
    on_progress: OnProgress = show_nothing,
) -> int:
    """Enter files that are new or have changed; one that cannot be read is entered with its error.

    A file is entered again when itself or its sidecar was changed, or when something else is stated of it.
    Its bytes are read again only where it was changed itself.

    Args:
        catalog: The workspace's catalog.
        files: What the sources hold now.
        stated: What is stated of the files beside what lies with them.
        on_progress: Called with the files looked at and the files in all.

    Returns:
        How many files were entered.
    """
    known, failed = _known(catalog)
    run = 1 + max((row.entered_in or 0 for row in known.values()), default=-1)
    entered, waiting = 0, []
    with SandboxedWorker() as worker:
        for number, file in enumerate(files):
            entry = _entry(file, known.get(str(file.path)), stated, worker, run)
            if entry is not None and failed.get(entry["path"], "") != entry.get("message"):
                waiting.append(entry)
            if len(waiting) == BATCH:
                catalog.append(waiting)
                entered, waiting = entered + len(waiting), []
            on_progress("catalog", number + 1, len(files))
    if waiting:
        catalog.append(waiting)
    return entered + len(waiting)


def catalogued_files(catalog: AppendOnlyTable, but: Iterable[FoundFile] = ()) -> list[FoundFile]:
    """Return the files that were catalogued and still lie where they were, by path.

    Args:
        catalog: The workspace's catalog.
        but: Files to leave out.
    """
    given = {file.path for file in but}
    table = catalog.read(["path", "source_id"])
    found = (
        FoundFile(Path(path), source_id)
        for path, source_id in zip(table["path"].to_pylist(), table["source_id"].to_pylist(), strict=True)
    )
    return sorted(
        (file for file in found if file.path not in given and os.path.isfile(file.path)),  # noqa: PTH113
        key=lambda file: file.path,
    )


def _known(catalog: AppendOnlyTable) -> tuple[dict[str, _Row], dict[str, str]]:
    """Return the state in which each readable file was entered, and why the others could not be read."""
    columns = [field.name for field in fields(_Row)]
    read = catalog.read(["path", "gone", *columns])
    table = read.filter(pc.invert(pc.fill_null(read["gone"], False))).to_pydict()
    rows = list(zip(table["path"], table["message"], *(table[name] for name in columns), strict=True))
    known = {path: _Row(*state) for path, message, *state in rows if message is None}
    return known, {path: message for path, message, *_ in rows if message is not None}


def _entry(
    file: FoundFile, known: _Row | None, stated: Stated, worker: SandboxedWorker, run: int
) -> dict[str, Any] | None:
    """Return the row of a file; None where the catalog holds it already."""
    sidecar = find_sidecar(file.path)
    row: dict[str, Any] = {
        "clip_id": hashlib.blake2b(
            str(file.path).encode(errors="surrogateescape"), digest_size=16
        ).hexdigest(),
        "path": str(file.path),
        "source_id": file.source_id,
        "sidecar_modified_ns": None,
        "size_bytes": None,
        "modified_ns": None,
        "media_id": None,
    }
    with contextlib.suppress(OSError):  # which reading says why
        status = file.path.stat()
        row |= {"size_bytes": status.st_size, "modified_ns": _bounded(status.st_mtime_ns)}
        if sidecar is not None:
            row["sidecar_modified_ns"] = _bounded(sidecar.stat().st_mtime_ns)
    if known and (known.size_bytes, known.modified_ns) == (row["size_bytes"], row["modified_ns"]):
        row["media_id"] = known.media_id
        said = stated.of(file, source_id=known.source_id, media_id=known.media_id)
        if (known.sidecar_modified_ns, known.stated) == (row["sidecar_modified_ns"], Stated.mark(said)):
            return None
    row |= {} if row["media_id"] else _identity(file.path, row["size_bytes"])
    same = known is not None and known.media_id == row["media_id"]
    row["entered_in"] = known.entered_in if known and same else run
    beside = _said_beside(sidecar)
    said = stated.of(file, source_id=beside.source_id, media_id=row["media_id"])
    metadata = merged(said[0], beside, metadata_of_tags(_tags(file.path, row, worker)), said[1])
    row |= {name: value for name, value in asdict(metadata).items() if name != "duration_s"}
    row |= {"source_id": metadata.source_id or file.source_id, "stated": Stated.mark(said)}
    if row["retrieved_at"] is None and row["modified_ns"] is not None:
        with contextlib.suppress(ValueError, OverflowError):  # a time that no calendar has is not known
            row["retrieved_at"] = datetime.fromtimestamp(row["modified_ns"] // 10**9, UTC)
    if not _is_text(row["path"]):
        row |= {name: _shown(row[name]) for name in ("path", "source_id")}
    return row


def _bounded(time_ns: int) -> int:
    """Return a time as 64 bits hold it: some file systems store any number of seconds."""
    return min(max(time_ns, -(1 << 63)), (1 << 63) - 1)


def _identity(path: Path, size_bytes: int | None) -> dict[str, str]:
    """Return the hash of a file's bytes, or why there is none."""
    if not _is_text(str(path)):
        return {"error": "Unreadable", "message": "the file's name is not valid UTF-8; rename the file"}
    if size_bytes == 0:
        # Else every empty file would count as a copy of the first.
        message = "the file is empty (0 bytes); the download or the copy failed, fetch it again"
        return {"error": "Unreadable", "message": message}
    try:
        return {"media_id": hash_media(path)}
    except OSError as error:
        if is_machine_fault(error):
            raise
        reason = error.strerror or str(error)
        return {
            "error": "Unreadable",
            "message": f"the file cannot be read ({reason}); check it and its permissions",
        }


def _tags(path: Path, row: Mapping[str, Any], worker: SandboxedWorker) -> dict[str, str]:
    """Return the tags inside a file; one that cannot be opened has none, and is quarantined by the probe."""
    if row["media_id"] is None or row["size_bytes"] < LEAST_TAGGED_BYTES:
        return {}
    try:
        return worker.run(read_tags, path, limit_s=TAGS_LIMIT_S)
    except (NotMedia, Unreadable):
        return {}
    except MediaError as error:
        logger.warning("%s: its tags are not read (%s)", path, error)
        return {}


def _said_beside(sidecar: Path | None) -> Metadata:
    """Return what the sidecar of a file says; one that cannot be read is logged and says nothing."""
    if sidecar is None:
        return Metadata()
    try:
        return read_metadata(sidecar)
    except OSError as error:
        if is_machine_fault(error):
            raise
        reason = error.strerror or str(error)
        logger.warning("%s: metadata passed over (%s); check the file and its permissions", sidecar, reason)
        return Metadata()


def _is_text(name: str) -> bool:
    return not any("\udc80" <= letter <= "\udcff" for letter in name)


def _shown(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
