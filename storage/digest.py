"""The SHA-256 of files, read a piece at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_PIECE_BYTES = 1 << 20


def sha256_of(*paths: Path, on_bytes: Callable[[int], None] = lambda done: None) -> str:
    """Return the SHA-256 of a file, or of several one behind the other, in hex.

    Args:
        paths: The files, in order.
        on_bytes: Called with how many bytes are read so far.

    Raises:
        OSError: One cannot be read.
    """
    digest, done = hashlib.sha256(), 0
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                done += len(piece)
                on_bytes(done)
    return digest.hexdigest()
