"""Enter found files into the catalog: who they are (a hash of their bytes), and what is said of them."""

from __future__ import annotations

import hashlib
import logging
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leitmotif.collection.folder import FoundFile
from leitmotif.collection.metadata import Metadata, merged
from leitmotif.collection.sidecar import find_sidecar, read_metadata
from leitmotif.pipelines.errors import is_outside
from leitmotif.shards.store import StageStore

log = logging.getLogger("leitmotif.pipelines")

# Entered in one go; what is lost at most when a machine dies.
BATCH = 256


def enter(
    catalog: StageStore, files: Sequence[FoundFile], *, progress: Callable[[int, int], None] | None = None
) -> int:
    """Enter files that are new or have changed; one that cannot be read is entered with its error.

    Args:
        catalog: The workspace's catalog.
        files: What the sources hold now.
        progress: Called with (files looked at, files in all).

    Returns:
        How many files were entered.
    """
    known, failed = _known(catalog)
    entered, waiting = 0, []
    for number, file in enumerate(files):
        state = _state(file.path)
        if known.get(str(file.path)) != state:
            entry = _entry(file, state)
            if failed.get(entry["path"], "") != entry.get("message"):
                waiting.append(entry)
        if len(waiting) == BATCH:
            catalog.append(waiting)
            entered, waiting = entered + len(waiting), []
        if progress:
            progress(number + 1, len(files))
    if waiting:
        catalog.append(waiting)
    return entered + len(waiting)


State = tuple[int | None, int | None, int | None]


def _known(catalog: StageStore) -> tuple[dict[str, State], dict[str, str]]:
    """Return the state in which each readable file was entered, and why the others could not be read."""
    columns = ["path", "size_bytes", "modified_ns", "sidecar_modified_ns"]
    table = catalog.read(columns).to_pydict()
    rows = list(zip(*(table[name] for name in columns), table["message"], strict=True))
    known = {path: (size, time, sidecar) for path, size, time, sidecar, message in rows if message is None}
    return known, {path: message for path, *_, message in rows if message is not None}


def _state(path: Path) -> State:
    sidecar = find_sidecar(path)
    sidecar_ns = sidecar.stat().st_mtime_ns if sidecar else None
    try:
        status = path.stat()
    except OSError:
        return None, None, sidecar_ns
    return status.st_size, status.st_mtime_ns, sidecar_ns


def _entry(file: FoundFile, state: State) -> dict[str, Any]:
    size_bytes, modified_ns, sidecar_ns = state
    row: dict[str, Any] = {
        "clip_id": hashlib.blake2b(
            str(file.path).encode(errors="surrogateescape"), digest_size=16
        ).hexdigest(),
        "path": str(file.path),
        "source_id": file.source_id,
        "size_bytes": size_bytes,
        "modified_ns": modified_ns,
        "sidecar_modified_ns": sidecar_ns,
    }
    metadata = merged(_said_beside(file.path))
    row |= asdict(metadata) | {"source_id": metadata.source_id or file.source_id}
    if row["retrieved_at"] is None and modified_ns is not None:
        row["retrieved_at"] = datetime.fromtimestamp(modified_ns // 10**9, UTC)
    if not _is_text(row["path"]):
        row |= {name: _shown(row[name]) for name in ("path", "source_id")}
        return row | {"error": "Unreadable", "message": "the file's name is not valid UTF-8; rename the file"}
    if size_bytes == 0:
        # Else every empty file would count as a copy of the first.
        message = "the file is empty (0 bytes); the download or the copy failed, fetch it again"
        return row | {"error": "Unreadable", "message": message}
    try:
        row["media_id"] = hash_media(file.path)
    except OSError as error:
        if is_outside(error):
            raise
        reason = error.strerror or str(error)
        row |= {
            "error": "Unreadable",
            "message": f"the file cannot be read ({reason}); check it and its permissions",
        }
    return row


def _said_beside(path: Path) -> Metadata:
    """Return what the sidecar of a file says; one that cannot be read is logged and says nothing."""
    sidecar = find_sidecar(path)
    if sidecar is None:
        return Metadata()
    try:
        return read_metadata(sidecar)
    except OSError as error:
        if is_outside(error):
            raise
        reason = error.strerror or str(error)
        log.warning("%s: metadata passed over (%s); check the file and its permissions", sidecar, reason)
        return Metadata()


def _is_text(name: str) -> bool:
    return not any("\udc80" <= letter <= "\udcff" for letter in name)


def _shown(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def hash_media(path: Path) -> str:
    """Return the hash of a file's bytes (BLAKE2b, 128 bits, hex): its identity on every machine.

    Raises:
        OSError: The file cannot be read, or is no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"{path.name!r} is not a regular file")
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for block in _blocks(file):
            digest.update(block)
    return digest.hexdigest()


def _blocks(file: Any) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block
