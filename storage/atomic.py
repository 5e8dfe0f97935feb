"""Files and folders that appear whole or not at all, whatever ends the process or the power meanwhile.

Everything is written beside its place, flushed to the disk, and renamed; then the folder that holds the name
is flushed, too. Until that rename the former file or folder stands as it was.

What is new has the permissions that any new file has (the process's umask), not those of what it replaces.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Of renameat2(2), since Linux 3.15: both names change places at once.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100  # of Linux's fcntl.h: paths count from the working folder
# What file systems without the exchange answer, and what those answer that cannot flush a folder.
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL)
_NO_FLUSH = (errno.EINVAL, errno.ENOTSUP)
_GROWTH_BYTES = 1 << 18  # more than libraries write at once


def name_beside(path: Path) -> Path:
    """Return a new name beside a file or folder, for what is to take its place; nothing is made yet."""
    return path.absolute().with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")


def write_text(path: Path, text: str, *, errors: str | None = None) -> None:
    """Write a small text file in UTF-8, whole or not at all.

    Args:
        path: The file; its folder must exist.
        text: What it is to hold.
        errors: How letters are written that UTF-8 lacks, as of `str.encode`.

    Raises:
        OSError: The disk refused; the former file stays as it was.
    """
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8", errors=errors)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all; see `write_text`."""
    with whole_file(path) as beside:
        beside.write_bytes(content)


@contextmanager
def whole_file(path: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Give a name to write to; the file takes its place when the block ends without an error, or else goes.

    Args:
        path: Where the file is to stand; its folder must exist.
        beside: The name to write to, on the same file system; a new one in the same folder by default.

    Raises:
        OSError: The disk refused; the former file stays as it was.
    """
    beside = name_beside(path) if beside is None else beside
    try:
        yield beside
        replace_file(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def check_growing(path: Path) -> None:
    """Append to a file that is to be thrown away, to learn why a library could not write it.

    Raises:
        OSError: Why the file cannot grow.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        left = _GROWTH_BYTES
        while left > 0:
            left -= os.write(handle, bytes(left))
        os.fsync(handle)
    finally:
        os.close(handle)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files of a folder, all of them whole beside their places before the first takes its own.

    Args:
        folder: The folder.
        contents: Path inside it → bytes.

    Returns:
        The paths, in the order given.

    Raises:
        OSError: The disk refused; the former files are there as they were.
    """
    places = {folder / name: content for name, content in contents.items()}
    beside = {path: name_beside(path) for path in places}
    try:
        for path, content in places.items():
            path.parent.mkdir(exist_ok=True)
            beside[path].write_bytes(content)
            _flush(beside[path])
        for path, part in beside.items():
            part.replace(path)
    finally:
        for part in beside.values():
            part.unlink(missing_ok=True)
    for parent in {path.parent for path in places}:
        _flush_folder(parent)
    return list(places)


def replace_file(beside: Path, path: Path) -> None:
    """Rename a finished file to its place, once all of it is on the disk.

    Raises:
        OSError: The disk refused; both files are where they were.
    """
    _flush(beside)
    beside.replace(path)
    _flush_folder(path.parent)


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder beside a place; it takes the place when the block ends without an error.

    Args:
        out: The place; a folder that is there is replaced.

    Raises:
        OSError: The disk refused; a former folder stands as it was.
    """
    beside = name_beside(out)
    try:
        beside.mkdir(parents=True)
        yield beside
        replace_folder(beside, out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def replace_folder(beside: Path, out: Path) -> None:
    """Rename a finished folder to its place; a former folder there is deleted once the new one stands.

    Where the file system can exchange two folders, there is a whole one at the place at every moment. Where
    it cannot, and the process dies between two renames, `clear_leftovers` brings the former one back.

    Raises:
        OSError: The disk refused; the former folder stands where it was.
    """
    for folder, _, names in os.walk(beside):
        for name in names:
            _flush(Path(folder, name))
        _flush_folder(Path(folder))
    former = beside.with_name(beside.name + ".former")
    if not out.exists():
        beside.rename(out)
    elif _exchange(beside, out):
        beside.rename(former)
    else:
        out.rename(former)
        try:
            beside.rename(out)
        except OSError:
            former.rename(out)
            raise
    _flush_folder(out.absolute().parent)
    shutil.rmtree(former, ignore_errors=True)


def clear_leftovers(out: Path) -> None:
    """Undo what a killed run left beside a folder: the former one comes back if nothing stands in its place.

    Nobody may be writing the folder meanwhile.
    """
    pattern = re.compile(rf"\.{re.escape(out.name)}\.[0-9a-f]{{8}}(\.former)?")
    beside = [path for path in out.absolute().parent.iterdir() if pattern.fullmatch(path.name)]
    for path in beside:
        if path.name.endswith(".former") and not out.exists():
            path.rename(out)
    for path in beside:
        if path.is_dir():
            shutil.rmtree(path)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders at once; return False where this system cannot.

    Raises:
        OSError: The disk refused.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # no Linux, or an old C library
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number))


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(path: Path) -> None:
    try:
        _flush(path)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise
