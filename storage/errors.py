"""The exceptions a command or a call ends with, and what tells the machine's faults from the input's.

RunError
├── UserError      what the user gave is wrong: one line, exit code 2
└── OutsideError   disk, network or server failed: everything done so far is kept, exit code 3

A room derives an error of its own from one of the two where callers go on after it; `cli` and `api` know
no others.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from typing import Any

# An error of these kinds says nothing about the clip, model or page at hand: the next one meets it, too. With
# each, what helps.
_ROOM = "make room"
_MOUNTED = "is the disk or share still mounted? mount it"
_ADVICE = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,  # the user's share of the disk is full
    errno.EFBIG: "allow larger files (ulimit -f), or use a file system that holds them",
    errno.EROFS: "make it writable",  # the kernel mounts a disk so by itself where it begins to fail
    errno.EIO: "check the disk",
    errno.EMFILE: "allow more open files (ulimit -n)",  # this process has too many
    errno.ENFILE: "allow more open files (sysctl fs.file-max)",  # all processes together have
    errno.ENOMEM: "free memory, or use fewer --workers",
    errno.ESTALE: _MOUNTED,  # NFS
    errno.ENOTCONN: _MOUNTED,  # FUSE, whose process ended
    errno.ENODEV: _MOUNTED,
}
MACHINE_ERRNOS = frozenset(_ADVICE)
# Of a file that somebody else made, these are about the file; of a place that we write to, about the place.
WRITING_ERRNOS = MACHINE_ERRNOS | {errno.EACCES, errno.EPERM}
# How torch and safetensors, which work without Python, report a disk that refused, or a memory.
_SAID_OF_THE_DISK = (
    "No space left",
    "Disk quota",
    "Read-only file system",
    "file write failed",
    "unexpected pos",
)
_SAID_OF_MEMORY = ("can't allocate memory", "Cannot allocate memory", "std::bad_alloc")
_CV2_NO_MEMORY = -4  # cv::Error::StsNoMem


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
    if isinstance(error, OutsideError) or lacks_memory(error):
        return True
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) or isinstance(number, int):  # PyAV's have a number, too
        return number in (WRITING_ERRNOS if writing else MACHINE_ERRNOS)
    if _is_of_native_code(error):
        return any(said in str(error) for said in _SAID_OF_THE_DISK)
    return type(error).__name__ == "OutOfMemoryError"  # torch's, of a GPU


def lacks_memory(error: BaseException) -> bool:
    """Tell whether memory was asked for in vain, whichever library asked."""
    if type(error).__module__ == "cv2":
        return getattr(error, "code", None) == _CV2_NO_MEMORY
    if _is_of_native_code(error):
        return any(said in str(error) for said in _SAID_OF_MEMORY)
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM


def _is_of_native_code(error: BaseException) -> bool:
    """Tell whether torch or safetensors raised an error; any other may quote names, which can be anything."""
    return type(error) is RuntimeError or type(error).__name__ == "SafetensorError"


def describe_machine_fault(error: BaseException, folder: object) -> str:
    """Return one line about what the machine refused, where, and what helps, without "and run again".

    Args:
        error: What `is_machine_fault` holds of.
        folder: What was written or read, where the error does not name a file.
    """
    number = _number(error)
    if number not in _ADVICE:
        return f"{one_line(error)} while working in {str(folder)!r}; {what_helps(error)}"
    # Of what Python did not do itself the text has more than the reason.
    said = os.strerror(number)
    if isinstance(error, MemoryError) and str(error):
        said += f" ({one_line(error)})"
    place = getattr(error, "filename", None)
    at = (
        f"at {os.fsdecode(place)!r}"
        if isinstance(place, str | bytes)
        else f"while writing to {str(folder)!r}"
    )
    return f"{said} {at}; {what_helps(error)}"


def what_helps(error: BaseException) -> str:
    """Return what to do, in a few words, about what `is_machine_fault` holds of."""
    return _ADVICE.get(_number(error), _ROOM)


def _number(error: BaseException) -> Any:
    return errno.ENOMEM if lacks_memory(error) else getattr(error, "errno", None)


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
