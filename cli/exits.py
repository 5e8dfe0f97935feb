"""The exit codes of the `leitmotif` command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command line ends with; `docs/commands.md` has the same table."""

    DONE = 0
    STRICT = 1
    USER = 2
    OUTSIDE = 3
    FAULT = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130  # what shells show for a process that SIGINT ended
    READER_GONE = 141  # and SIGPIPE
    TERMINATED = 143  # and SIGTERM
