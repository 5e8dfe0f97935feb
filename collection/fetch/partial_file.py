"""A file that arrives piece by piece: hashed as it comes, and kept where it breaks off, to be resumed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from leitmotif.collection.fetch.audio_headers import HEAD_BYTES

# Files up to this size are written in one go; a crash costs no more than this of a file.
SMALL_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20


class PartialFile:
    """Writes a part of a file, and beside it the mark by which a server knows the file; a context manager.

    Attributes:
        head: The first bytes, where all of the file came now.
        size_bytes: How many there are.
    """

    def __init__(self, part: Path, *, start: int = 0, mark: str = "", size: int | None = None) -> None:
        """Open the part.

        Args:
            part: Where the bytes go.
            start: Bytes of it that are there and stay.
            mark: ETag or date of the file; without it the part cannot be resumed.
            size: How many bytes the file has, None where that is not known.
        """
        self._part, self._mark = part, mark
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None
        if start:
            with part.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    self._hash.update(block)
        self.head = b""
        self.size_bytes = start
        self._small = not start and size is not None and size <= SMALL_BYTES
        self._start = start

    def __enter__(self) -> PartialFile:
        if not self._small:
            self._note()
            self._file = self._part.open("ab" if self._start else "wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            return
        if error is not None:
            self._note()
        with self._part.open("wb") as file:
            file.writelines(self._pieces)

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(piece)
        if len(self.head) < HEAD_BYTES and len(self.head) == self.size_bytes:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        self.size_bytes += len(piece)
        if self._file is None:
            self._pieces.append(piece)
        else:
            self._file.write(piece)

    @property
    def left_note(self) -> bool:
        """Whether a note lies beside the part."""
        return not self._small

    def sha256(self) -> str:
        """Return the hash of all that came, in hex."""
        return self._hash.hexdigest()

    def _note(self) -> None:
        if self._mark:
            note_of(self._part).write_text(json.dumps({"validator": self._mark}))
        else:
            note_of(self._part).unlink(missing_ok=True)


def note_of(part: Path) -> Path:
    """Return the file that holds the mark of a part."""
    return part.with_suffix(".json")


def resumable(part: Path) -> tuple[int, str]:
    """Return the bytes that are there and the mark of the file they belong to; (0, "") to start over."""
    try:
        start, mark = part.stat().st_size, str(json.loads(note_of(part).read_text())["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""
    return (start, mark) if start and mark else (0, "")
