"""The folder that files are collected into, and the record of what became of everything wanted.

DIR/
  media/ab/KEY.mp4, KEY.info.json   files and what is known of them; KEY is a hash, never a title
  record/part-*.parquet             one row per item: fetched, refused or failed, and why
  partial/                          files that are not whole yet; resumed by a later run
  takedown.jsonl                    what may not be fetched again, where something was taken down
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from leitmotif.collection.folder import SUFFIXES
from leitmotif.collection.request import Request
from leitmotif.collection.sidecar import load_sidecar
from leitmotif.collection.takedown import TakedownList, ids_in, read_takedowns
from leitmotif.shards.takedown import mend_record
from leitmotif.shards.texts import encodable
from leitmotif.storage.atomic import replace_file, write_bytes
from leitmotif.storage.lock import hold_folder
from leitmotif.storage.table import KEY, AppendOnlyTable

COLUMNS = pa.schema(
    [
        ("outcome", pa.string()),
        ("permanent", pa.bool_()),
        ("attempts", pa.int32()),
        ("wanted", pa.string()),
        ("source", pa.string()),
        ("path", pa.string()),
        ("size_bytes", pa.int64()),
        ("sha256", pa.string()),
        ("url", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
FETCHED, REFUSED, FAILED = "fetched", "refused", "failed"
# Rows or seconds after which what became of items is written down; what a crash loses is found again on disk.
FLUSH_ROWS, FLUSH_S = 1000, 20.0


@dataclass(frozen=True)
class Known:
    """What the record says of an item."""

    outcome: str
    permanent: bool


class Archive:
    """A collected folder; its methods may be called by all threads."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.partial = self.root / "partial"
        self._store = AppendOnlyTable(self.root / "record", COLUMNS, scratch=self.partial)
        self._rows: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._flushed_s = time.monotonic()
        self._left_over: set[str] = set()
        self._unrecorded: set[str] = set()
        self.takedowns = TakedownList()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one run; what was noted is written in the end.

        Raises:
            UserError: It cannot be written.
            OutsideError: Another run holds it.
        """
        with hold_folder(self.root, "folder", scratch=self.partial):
            mend_record(self.root)
            self.takedowns = read_takedowns(self.root)
            self._left_over = {path.name.partition("-")[0] for path in self.partial.iterdir()}
            try:
                yield
            finally:
                self.flush()

    def known(self) -> dict[str, Known]:
        """Return what became of items so far; of files, only those that lie there unchanged and allowed."""
        names = ("outcome", "permanent", "wanted", "path", "size_bytes")
        table = self._store.read_without_damaged(list(names))
        columns = (table[name].to_pylist() for name in (KEY, *names))
        known = {}
        for key, outcome, permanent, wanted, path, size_bytes in zip(*columns, strict=True):
            if outcome == FETCHED:
                urls = ids_in(wanted) if self.takedowns and "://" in wanted else ()
                if _size(self.root / path) != size_bytes or self.takedowns.names(key, *urls):
                    continue
            known[key] = Known(outcome, permanent)
        self._unrecorded = {key for key in self._sidecar_keys() if key not in known}
        return known

    def part(self, key: str, name: str) -> Path:
        """Return where a file lies until it is whole; an item may need several."""
        return self.partial / f"{key}-{name}.part"

    def keep(
        self, request: Request, part: Path, suffix: str, info: dict[str, Any], *, sha256: str
    ) -> dict[str, Any]:
        """Move a whole file to its place, with what is known of it beside; return the facts of its row.

        The metadata is whole first: a file without it would be one of which nobody knows the licence.
        """
        name = f"media/{request.key[:2]}/{request.key}{suffix}"
        facts = {
            "path": name,
            "size_bytes": part.stat().st_size,
            "sha256": sha256,
            "url": info.get("webpage_url"),
            "reasons": info.get("leitmotif", {}).get("reasons"),
        }
        ours = info.get("leitmotif", {}) | facts | {"key": request.key}
        text = json.dumps(info | {"leitmotif": ours}).encode()
        sidecar = self._sidecar(request.key)
        sidecar.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(sidecar, text)
        replace_file(part, self.root / name)
        return facts

    def adopt(self, request: Request) -> dict[str, Any] | None:
        """Return the facts of a file that lies there though the record was lost in a crash, or None."""
        if request.key not in self._unrecorded:
            return None
        try:
            facts = load_sidecar(self._sidecar(request.key))["leitmotif"]
            if _size(self.root / facts["path"]) != facts["size_bytes"]:
                return None
            return {name: facts[name] for name in ("path", "size_bytes", "sha256", "url", "reasons")}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def files(self) -> list[tuple[Path, Path]]:
        """Return the files that lie there with their metadata, by key."""
        found = []
        for sidecar in sorted((self.root / "media").glob("*/*.info.json")):
            stem = sidecar.name.removesuffix(".info.json")
            media = [path for path in sidecar.parent.glob(f"{stem}.*") if path.suffix in SUFFIXES]
            found += [(path, sidecar) for path in media[:1]]
        return found

    def clear(self, key: str, *, tidy: bool = False) -> None:
        """Remove what is left of an item that is done with.

        Args:
            key: Key or source key of the item.
            tidy: Whether this run left nothing of it.
        """
        if tidy and key not in self._left_over:
            return
        for name in os.listdir(self.partial):  # noqa: PTH208 - a file is fetched in a millisecond
            if name.startswith(key):
                (self.partial / name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed runs left of items, where none of it is waited for."""
        for path in self.partial.iterdir():
            if path.is_file():
                path.unlink()

    def note(
        self,
        request: Request,
        outcome: str,
        *,
        permanent: bool = False,
        attempts: int = 1,
        message: str | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Write down what became of an item."""
        row = {
            KEY: request.key,
            "outcome": outcome,
            "permanent": permanent,
            "attempts": attempts,
            "wanted": request.name,
            "source": request.source,
            "at": datetime.now(UTC),
            "error": None if outcome == FETCHED else outcome,
            "message": message,
            **(facts or {}),
        }
        with self._lock:
            self._rows.append(encodable(row))
            full = len(self._rows) >= FLUSH_ROWS or time.monotonic() - self._flushed_s > FLUSH_S
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what was noted as one part."""
        with self._lock:
            rows, self._rows = self._rows, []
            self._flushed_s = time.monotonic()
            if rows:
                self._store.append(rows)

    def _sidecar(self, key: str) -> Path:
        return self.root / f"media/{key[:2]}/{key}.info.json"

    def _sidecar_keys(self) -> Iterator[str]:
        for path in (self.root / "media").glob("*/*.info.json"):
            yield path.name.partition(".")[0]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
