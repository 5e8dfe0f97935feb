"""Tells a want of memory from a fault of ours, whatever the library that met it makes of it."""

from __future__ import annotations

import mmap

from leitmotif.storage.errors import lacks_memory

# About what the largest library (libtorch_cpu.so) maps at once, on x86-64.
_ROOM_BYTES = 512 << 20


def ran_out_of_memory(error: BaseException) -> bool:
    """Tell whether a command failed for want of memory.

    Libraries that find none while they load raise what comes first: an ImportError, a SystemError without a
    text, a ValueError of a module that is half there. So the machine is asked as well.

    Args:
        error: What the command raised.
    """
    met: BaseException | None = error
    while met is not None:
        if lacks_memory(met):
            return True
        met = met.__cause__ or met.__context__
    try:
        mmap.mmap(-1, _ROOM_BYTES).close()  # the pages are not touched, so none is taken
    except OSError:
        return True
    return False
