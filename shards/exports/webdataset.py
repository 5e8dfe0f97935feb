"""Tar files in which the files of a clip lie together, as WebDataset reads them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from leitmotif.shards.columns import CLIPS, MEDIA
from leitmotif.shards.exports.target import sound_of
from leitmotif.shards.writer import SHARD_BYTES


class WebDataset:
    """`SPLIT-NNNNNN.tar` with CLIP.flac, .txt (the caption), .NN.jpg (key frames), .json (all the rest).

    Reference:
        webdataset's README: files of a sample lie together, and what follows the first dot says what each is.
    """

    NAME: ClassVar[str] = "webdataset"
    COLUMNS: ClassVar[tuple[str, ...]] = tuple(
        name for name, _, _ in CLIPS if name not in ("audio", "clip_id", "caption")
    )
    READ_BY: ClassVar[str] = "webdataset: WebDataset('FOLDER/train-{000000..NNNNNN}.tar')"

    def __init__(self, folder: Path, place: Path) -> None:
        self._folder = folder
        self._open: dict[str, tuple[tarfile.TarFile, str]] = {}
        self._shards: dict[str, int] = {}

    def add(self, split: str, row: Mapping[str, Any]) -> str:
        """Add a clip to the tar file of its split; a full one is followed by another."""
        if split in self._open and self._open[split][0].offset >= SHARD_BYTES:
            self._open.pop(split)[0].close()
        if split not in self._open:
            name = f"{split}-{self._shards.get(split, 0):06d}.tar"
            self._shards[split] = self._shards.get(split, 0) + 1
            tar = tarfile.TarFile(self._folder / name, "w", format=tarfile.PAX_FORMAT)
            self._open[split] = tar, name
        tar, name = self._open[split]
        key = row["clip_id"]
        _add(tar, f"{key}.flac", sound_of(row))
        _add(tar, f"{key}.txt", row["caption"].encode())
        for number, frame in enumerate(row.get("frames") or ()):
            _add(tar, f"{key}.{number:02d}.jpg", frame["bytes"])
        facts = {column: _plain(value) for column, value in row.items() if column not in MEDIA}
        _add(tar, f"{key}.json", json.dumps(facts, ensure_ascii=False).encode())
        return name

    def close(self) -> list[str]:
        """Finish the tar files."""
        for tar, _ in self._open.values():
            tar.close()
        return []


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file whose entry depends on nothing but name and bytes."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
