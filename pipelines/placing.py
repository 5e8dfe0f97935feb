"""Put a finished folder in the place of an older one, so that a crash loses neither."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import uuid
from pathlib import Path

# Of renameat2(2), since Linux 3.15: both names change places at once.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def folder_beside(out: Path) -> Path:
    """Return a new name beside a folder, for what is to take its place; nothing is made yet."""
    return out.absolute().with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")


def put_in_place(beside: Path, out: Path) -> None:
    """Rename a finished folder to its place; a former folder there is deleted once the new one stands.

    Where the file system can exchange two folders, there is a whole one at the place at every moment.

    Raises:
        OSError: The disk refused; the former folder stands where it was.
    """
    if not out.exists():
        beside.rename(out)
        return
    former = beside.with_name(beside.name + ".former")
    if _exchange(beside, out):
        beside.rename(former)
    else:
        out.rename(former)
        try:
            beside.rename(out)
        except OSError:
            former.rename(out)
            raise
    shutil.rmtree(former, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders at once; return False where this system cannot.

    Raises:
        OSError: The disk refused.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # no Linux, or an old C library
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number))


def clear_leftovers(out: Path) -> None:
    """Undo what a killed run left beside a folder: the former one comes back if nothing stands in its place.

    Nobody may be writing the folder meanwhile.
    """
    pattern = re.compile(rf"\.{re.escape(out.name)}\.[0-9a-f]{{8}}(\.former)?")
    beside = [path for path in out.absolute().parent.iterdir() if pattern.fullmatch(path.name)]
    for path in beside:
        if path.name.endswith(".former") and not out.exists():
            path.rename(out)
    for path in beside:
        if path.is_dir():
            shutil.rmtree(path)
