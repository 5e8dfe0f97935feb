"""How messages say a number of things, and a command that the reader can run as it stands."""

from __future__ import annotations

import shlex
from pathlib import Path


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 file" or "1,200 clips".

    Args:
        number: How many.
        noun: For one.
        plural: For any other number, where an s is not enough.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def command(*words: str | Path) -> str:
    """Return a command line of `leitmotif` that works wherever it is typed: paths are whole, words quoted.

    Args:
        words: What comes after `leitmotif`; paths as `Path`.
    """
    return shlex.join(["leitmotif", *(str(w.absolute()) if isinstance(w, Path) else w for w in words)])
