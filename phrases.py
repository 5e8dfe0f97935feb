"""How messages say a number of things, and a command that the reader can run as it stands."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 file" or "1,200 clips".

    Args:
        number: How many.
        noun: For one.
        plural: For any other number, where an s is not enough.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def some_of(names: Sequence[str], most: int = 3) -> str:
    """Return the first names of some, and how many more there are: "a, b, c and 4 more".

    Args:
        names: All of them.
        most: How many are named.
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def command(*words: str | Path) -> str:
    """Return a command line of `leitmotif` that works wherever it is typed: paths are whole, words quoted.

    Args:
        words: What comes after `leitmotif`; paths as `Path`.
    """
    return shlex.join(["leitmotif", *(str(w.absolute()) if isinstance(w, Path) else w for w in words)])
