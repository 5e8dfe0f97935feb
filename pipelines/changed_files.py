"""Files that change while a run reads them: what was measured then is of no bytes that the catalog knows.

The catalog holds a hash of a file's bytes, and the size and time that it had then. They are compared before a
batch is read and after each of its clips; where size agrees and the time does not, or the file was put there
meanwhile, its bytes are hashed again.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from leitmotif.pipelines.catalog_row import SourceState
from leitmotif.shards.clip_ids import hash_media
from leitmotif.storage.errors import is_machine_fault


class Look(NamedTuple):
    """What a file system says of a file; any change of its bytes changes one of these."""

    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int


def look_at(path: Path) -> Look | None:
    """Return the state of a file; None where there is none to be seen, which its decoder says better."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a look at each file for each stage
    except OSError:
        return None
    return Look(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def has_changed(path: Path, catalogued: SourceState | None, before: Look | None) -> bool:
    """Tell whether a file is another one than was catalogued.

    Args:
        path: The file.
        catalogued: Its state in the catalog; of a clip that comes of none, nothing is known.
        before: Its state before it was read.

    Raises:
        OSError: The machine refused to read it.
    """
    now = look_at(path)
    if catalogued is None or now is None:
        return False
    if now.size_bytes != catalogued.size_bytes:
        return True
    if now == before and now.modified_ns == catalogued.modified_ns:
        return False
    try:
        return _hashed(path, now) != catalogued.media_id
    except OSError as error:
        if is_machine_fault(error):
            raise
        return True


@lru_cache(maxsize=1024)
def _hashed(path: Path, now: Look) -> str:
    """Return the hash of a file in a state; one that was only touched is read once for all stages."""
    return hash_media(path)
