"""Lets one decoder work while all others of this machine wait: for a file that was lost beside them.

The calls of all processes hold a share of `flock` on a file of this package; one that wants to be alone holds
it whole. A second file is the door: whoever waits to be alone holds it, so that no other comes in meanwhile.
A process that is stopped holds up nobody for longer than `PATIENCE_S`, and where files cannot be locked
everybody works at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

PATIENCE_S = 300.0
_ROOM, _DOOR = Path(__file__), Path(__file__).with_name("__init__.py")
_LOOK_AGAIN_S = 0.05
_CGROUP = Path("/sys/fs/cgroup")


@contextmanager
def beside_others() -> Iterator[None]:
    """Work side by side with other decoders; wait while one is alone."""
    with ExitStack() as held:
        with _held(_DOOR, whole=False):
            held.enter_context(_held(_ROOM, whole=False))
        yield


@contextmanager
def alone() -> Iterator[None]:
    """Work while no other decoder does, once those that had begun are done."""
    with _held(_DOOR, whole=True), _held(_ROOM, whole=True):
        yield


@contextmanager
def _held(path: Path, *, whole: bool) -> Iterator[None]:
    handle = os.open(path, os.O_RDONLY)
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        kind = (fcntl.LOCK_EX if whole else fcntl.LOCK_SH) | fcntl.LOCK_NB
        while time.monotonic() < deadline_s:
            try:
                fcntl.flock(handle, kind)
                break
            except BlockingIOError:
                time.sleep(_LOOK_AGAIN_S)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(handle)


def free_memory_bytes() -> int:
    """Return how much memory this machine, or the container that this runs in, has left."""
    free = [psutil.virtual_memory().available]
    with contextlib.suppress(OSError, ValueError, KeyError):
        most = int((_CGROUP / "memory.max").read_text())  # "max" where there is no bound
        used = int((_CGROUP / "memory.current").read_text())
        facts = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        free.append(most - used + int(facts["inactive_file"]))
    return max(min(free), 0)
