"""The exceptions a command or a call ends with, and what tells the machine's faults from the input's.

RunError
├── UserError      what the user gave is wrong: one line, exit code 2
└── OutsideError   disk, network or server failed: everything done so far is kept, exit code 3

A room derives an error of its own from one of the two where callers go on after it; `cli` and `api` know
no others.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Any

# An error of these kinds says nothing about the clip, model or page at hand: the next one meets it, too.
MACHINE_ERRNOS = frozenset(
    {
        errno.ENOSPC,  # the disk is full
        errno.EDQUOT,  # the user's share of it is
        errno.EROFS,  # mounted for reading only, as the kernel does by itself where a disk begins to fail
        errno.EIO,  # the device failed
        errno.EMFILE,  # this process has too many files open
        errno.ENFILE,  # all processes together have
    }
)
# Of a file that somebody else made, these are about the file; of a place that we write to, about the place.
WRITING_ERRNOS = MACHINE_ERRNOS | {errno.EACCES, errno.EPERM}
# How torch and safetensors, which write without Python, report a disk that refused.
_SAID_OF_A_DISK = (
    "No space left",
    "Disk quota",
    "Read-only file system",
    "file write failed",
    "unexpected pos",
)


class RunError(Exception):
    """A run cannot go on; the text is one line for the user.

    Args:
        message: The line.
        facts: What was done until then, for programs that read JSON.
    """

    def __init__(self, message: str = "", facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.facts = dict(facts or {})


class UserError(RunError, ValueError):
    """The input or a setting is wrong: got, expected, what to do."""


class OutsideError(RunError):
    """Something outside failed; running again goes on where it stopped."""


def is_machine_fault(error: BaseException, *, writing: bool = False) -> bool:
    """Tell whether an error is the machine's fault rather than that of the input at hand.

    Args:
        error: What a clip, a model, a page or a dataset raised.
        writing: Whether it came of writing to our folders, where a refused permission is no input's fault.
    """
    if isinstance(error, OutsideError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno in (WRITING_ERRNOS if writing else MACHINE_ERRNOS)
    # Any other error may quote the name of a file, which can be anything.
    if type(error) is RuntimeError or type(error).__name__ == "SafetensorError":
        return any(said in str(error) for said in _SAID_OF_A_DISK)
    return False


def one_line(error: object, longest: int | None = None) -> str:
    """Return all of an error's text in one line, or the name of its kind where it says nothing.

    Python's number of an error of the system is left out: "No such file or directory: 'x'".

    Args:
        error: An exception, or a text.
        longest: Letters to keep.
    """
    text = " ".join(str(error).split())
    if isinstance(error, OSError):
        text = re.sub(r"^\[Errno -?\d+\] ", "", text)
    return text[:longest] or type(error).__name__


def first_line(error: object) -> str:
    """Return the first line of an error's text, or the name of its kind where it says nothing.

    For libraries that go on with a report over pages, such as every key that a checkpoint lacks.
    """
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
