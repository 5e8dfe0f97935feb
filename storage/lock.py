"""A lock file that one process holds at a time; it is free again when that process ends, however it ends.

`portalocker` asks `flock` on Linux and macOS, `LockFileEx` on Windows. On a network file system a lock is as
good as that file system's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import portalocker

from leitmotif.storage.atomic import clear_folder
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.storage.places import reason_against

LOCK = ".lock"
_BUSY = (portalocker.AlreadyLocked, BlockingIOError)


class InUseError(OutsideError):
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


@contextmanager
def hold_folder(folder: Path, what: str, *, scratch: Path) -> Iterator[None]:
    """Hold a folder for one run, by the lock file in it; what is missing of folder and scratch is made.

    What killed runs left beside files of the folder is deleted.

    Args:
        folder: The folder.
        what: Name of the folder in messages, such as "workspace".
        scratch: A folder inside for what is not whole yet.

    Raises:
        UserError: The folder cannot be written to.
        OutsideError: Another run holds it.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(hold(folder / LOCK))
            scratch.mkdir(parents=True, exist_ok=True)
            clear_folder(folder)
        except OSError as error:
            raise _unwritable(folder, what, error.strerror) from error
        except InUseError as error:
            raise OutsideError(_in_use(folder, what)) from error
        yield


def check_free(folder: Path, what: str) -> None:
    """Refuse what `hold_folder` would, and write nothing.

    Raises:
        UserError: The folder cannot be written to.
        OutsideError: Another run holds it.
    """
    if reason := reason_against(folder):
        raise _unwritable(folder, what, reason)
    lock = folder / LOCK
    if lock.is_file() and os.access(lock, os.R_OK) and is_held(lock):
        raise OutsideError(_in_use(folder, what))


def _unwritable(folder: Path, what: str, reason: str | None) -> UserError:
    return UserError(f"{what} {str(folder)!r} cannot be written ({reason}); choose another --out")


def _in_use(folder: Path, what: str) -> str:
    return f"{what} {str(folder)!r} is in use by another run; wait for it to end"
