"""Files and folders that appear whole or not at all, whatever ends the process or the power meanwhile.

Everything is written beside its place, flushed to the disk, and renamed; then the folder that holds the name
is flushed, too. Until that rename the former file or folder stands as it was.

What is new has the permissions that any new file has (the process's umask), not those of what it replaces.

Whoever writes holds a lock on what it writes beside, so that the next one tells what a killed process left
from what is being written, and deletes the first alone.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

# Of renameat2(2), since Linux 3.15: both names change places at once.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100  # of Linux's fcntl.h: paths count from the working folder
# What file systems without the exchange answer, and what those answer that cannot flush a folder.
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL)
_NO_FLUSH = (errno.EINVAL, errno.ENOTSUP)
# How names of `name_beside` end, and those of what was replaced. Older versions wrote no ".part": without it
# eight digits may be a date that somebody gave a file.
_PART, _FORMER = ".part", ".former"
_BESIDE = re.compile(r"\.(.+)\.[0-9a-f]{8}(\.part)?(?:\.former)?", re.DOTALL)
_GROWTH_BYTES = 1 << 18  # more than libraries write at once
# How the names of damaged files end that were set aside.
DAMAGED = ".damaged"


def name_beside(path: Path) -> Path:
    """Return a new name beside a file or folder, for what is to take its place; nothing is made yet."""
    return path.absolute().with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{_PART}")


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
    with ExitStack() as owned:
        if beside is None:
            beside = owned.enter_context(_owned_file(path))
        owned.callback(beside.unlink, missing_ok=True)
        yield beside
        replace_file(beside, path)


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
    beside: dict[Path, Path] = {}
    with ExitStack() as owned:
        for path, content in places.items():
            path.parent.mkdir(exist_ok=True)
            beside[path] = owned.enter_context(_owned_file(path))
            beside[path].write_bytes(content)
            _flush(beside[path])
        for path, part in beside.items():
            part.replace(path)
    for parent in {path.parent for path in places}:
        _clear(parent, {path.name for path in places if path.parent == parent})
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


def set_aside(path: Path) -> Path | None:
    """Rename a damaged file, so that nothing reads it any more; return its new name, None if it is gone.

    Raises:
        OSError: The disk refused.
    """
    aside = path.with_name(path.name + DAMAGED)
    try:
        path.replace(aside)
    except FileNotFoundError:
        return None
    _flush_folder(path.parent)
    return aside


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder beside a place; it takes the place when the block ends without an error.

    Args:
        out: The place; a folder that is there is replaced.

    Raises:
        OSError: The disk refused; a former folder stands as it was.
    """
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(out)
    with ExitStack() as owned:
        beside = owned.enter_context(_owned(out, Path.mkdir))
        owned.callback(shutil.rmtree, beside, ignore_errors=True)
        yield beside
        replace_folder(beside, out)


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
    former = beside.with_name(beside.name + _FORMER)
    with ExitStack() as owned:
        if not out.exists():
            beside.rename(out)
        else:
            owned.enter_context(_lock(out))  # which nobody may clear away under its next name
            if _exchange(beside, out):
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
    """Undo what killed runs left beside a folder: the former one comes back if nothing stands in its place.

    What a living process writes stays.
    """
    _clear(out.absolute().parent, {out.name})


def clear_folder(folder: Path) -> None:
    """Delete what killed runs left beside files of a folder of ours; what a living process writes stays."""
    _clear(folder, None)


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Give an empty folder among the machine's temporary ones, and delete it after the block.

    What killed processes left of such folders is deleted first.

    Args:
        name: What it is for, such as "previews".

    Raises:
        OSError: No folder for temporary files can be written to.
    """
    place = Path(tempfile.gettempdir()) / f"leitmotif-{name}"
    clear_leftovers(place)
    with _owned(place, lambda folder: folder.mkdir(mode=0o700)) as folder:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _clear(parent: Path, names: set[str] | None) -> None:
    """Delete what was written beside these names, or any, and is nobody's any more.

    Raises:
        OSError: The folder cannot be read.
    """
    found = [(path, match) for path in parent.iterdir() if (match := _BESIDE.fullmatch(path.name))]
    beside = [(path, match[1]) for path, match in found if (match[1] in names if names else match[2])]
    # Former ones last: a half-written one never comes back.
    for path, name in sorted(beside, key=lambda item: item[0].name.endswith(_FORMER)):
        with _lock(path) as free:
            if free is False:
                continue
            if path.name.endswith(_FORMER) and not path.with_name(name).exists():
                path.rename(path.with_name(name))
            elif free is None:  # somebody may be writing it
                continue
            elif path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def _owned(path: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """Make a file or folder beside a path and hold its lock, which ends with the process.

    Raises:
        OSError: The disk refused.
    """
    while True:
        beside = name_beside(path)
        make(beside)
        with _lock(beside) as free:
            # Between the two steps somebody may have taken it for a killed one's.
            if free is False or not beside.exists():
                continue
            yield beside
            return


@contextmanager
def _owned_file(path: Path) -> Iterator[Path]:
    """Make a file beside a path and hold its lock; it is gone after the block, if it has not been renamed."""
    with _owned(path, lambda beside: beside.touch(exist_ok=False)) as beside:
        try:
            yield beside
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def _lock(path: Path) -> Iterator[bool | None]:
    """Hold a file's or folder's own lock; whether it is ours is yielded, None where nobody can tell."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield False
        return
    except OSError:  # of another user, or no more files may be open
        yield None
        return
    try:
        try:
            # Not by portalocker: it wants a temporary folder at import, which a decoder has not.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        except OSError:  # of a file system without locks
            yield None
        else:
            yield True
    finally:
        os.close(handle)


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
