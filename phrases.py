"""How messages say a number of things, and a command that the reader can run as it stands."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

# Of near names, and how much less like the nearest one another may be, in `difflib`'s ratio of 0..1.
_MOST_NEAR, _AS_NEAR = 3, 0.1


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 file" or "1,200 clips".

    Args:
        number: How many.
        noun: Word for one thing.
        plural: Word for any other number, where an s is not enough.
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


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return what somebody may have meant by a name: the nearest of the known ones, and any as near.

    Args:
        name: Name as it was typed.
        known: The names that there are.
    """
    found = difflib.get_close_matches(name, list(known), n=_MOST_NEAR)
    likeness = [difflib.SequenceMatcher(None, other, name).ratio() for other in found]
    return [other for other, like in zip(found, likeness, strict=True) if like > likeness[0] - _AS_NEAR]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "did you mean …? " where something known resembles a name, else nothing."""
    found = near_names(name, known)
    return f"did you mean {' or '.join(found)}? " if found else ""


def no_such_folder(folder: Path, *marks: str) -> str:
    """Return that a folder is not there, and what may be meant: a near name beside it.

    Args:
        folder: What was given.
        marks: Files or folders of which those that may be meant hold one.
    """
    beside = {path.parent.name for mark in marks for path in folder.absolute().parent.glob(f"*/{mark}")}
    return f"there is no such folder; {did_you_mean(folder.name, sorted(beside))}".strip().rstrip(";")


def no_such_file(path: Path) -> str:
    """Return that a file is not there, and what may be meant: a near name beside it."""
    beside = [other.name for other in path.absolute().parent.glob("*") if other.is_file()]
    return f"there is no such file; {did_you_mean(path.name, beside)}".strip().rstrip(";")


def near_path(path: Path) -> str:
    """Return "did you mean …? " where something beside a path that is missing resembles it, else nothing."""
    return did_you_mean(path.name, [other.name for other in path.absolute().parent.glob("*")])


def command(*words: str | Path) -> str:
    """Return a command line of `leitmotif` that works wherever it is typed: paths are whole, words quoted.

    Args:
        words: What comes after `leitmotif`; paths as `Path`.
    """
    return shlex.join(["leitmotif", *(str(w.absolute()) if isinstance(w, Path) else w for w in words)])
