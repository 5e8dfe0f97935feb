"""What `clip_id` is made of: the bytes of a media file, and the window that was cut out of it."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def hash_media(path: Path) -> str:
    """Return the hash of a file's bytes (BLAKE2b, 128 bits, hex): the id of the clip that is all of it.

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


def window_id(media_id: str, start_s: float, length_s: float) -> str:
    """Return the id of the clip that a window of a source is."""
    name = f"{media_id}:{round(start_s * 1000)}:{round(length_s * 1000)}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _blocks(file: Any) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block
