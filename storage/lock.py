"""A lock file that one process holds at a time; it is free again when that process ends, however it ends.

`portalocker` asks `flock` on Linux and macOS, `LockFileEx` on Windows. On a network file system a lock is as
good as that file system's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import portalocker

_BUSY = (portalocker.AlreadyLocked, BlockingIOError)


class InUseError(Exception):
    """Another process holds the lock."""


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold a lock file, which is made where it is missing and stays when it is let go.

    Raises:
        InUseError: Another process holds it.
        OSError: The file cannot be written.
    """
    with path.open("w") as file:
        try:
            portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
        except _BUSY as error:
            raise InUseError(str(path)) from error
        yield


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock file.

    A share of the lock is asked for and given back at once: two that look never see each other.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        try:
            portalocker.lock(file, portalocker.LockFlags.SHARED | portalocker.LockFlags.NON_BLOCKING)
        except _BUSY:
            return True
    return False
