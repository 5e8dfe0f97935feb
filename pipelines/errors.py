"""The exceptions a run ends with.

RunError
├── UserError      what the user gave is wrong: one line, exit code 2
└── OutsideError   disk, network or server failed: everything measured so far is kept, exit code 3
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

# An error of these kinds says nothing about the clip at hand: the run stops, the clip is not blamed.
DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE})


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


def is_outside(error: BaseException) -> bool:
    """Tell whether an error is the machine's fault rather than the clip's."""
    if isinstance(error, OutsideError | MemoryError):
        return True
    return isinstance(error, OSError) and error.errno in DISK_ERRNOS
