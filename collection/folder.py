"""Find media files in folders."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("leitmotif.collection")

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3gp", "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "ts", "webm", "wmv"),
        *("aac", "aif", "aiff", "flac", "m4a", "mp3", "oga", "ogg", "opus", "wav", "wma"),
    )
)


class SourceError(ValueError):
    """A source that the user named cannot be used; the text is one line with what to do."""


@dataclass(frozen=True)
class FoundFile:
    """A media file: where it is, and its name within the source it was found in."""

    path: Path
    source_id: str


def find_media(sources: Sequence[Path]) -> list[FoundFile]:
    """List the media files of folders (searched in depth, links followed once) and files.

    Args:
        sources: Folders or single files.

    Returns:
        Every media file once, by path.

    Raises:
        SourceError: A source does not exist, cannot be read or holds no media file.
    """
    found: dict[Path, FoundFile] = {}
    for source in sources:
        for file in _find_in(source):
            found.setdefault(file.path, file)
    return [found[path] for path in sorted(found)]


def _find_in(source: Path) -> list[FoundFile]:
    if source.is_file():
        return [FoundFile(source.absolute(), source.name)]
    if not source.is_dir():
        raise SourceError(
            f"source {str(source)!r} does not exist; give a folder of media files, or a media file"
        )
    if not os.access(source, os.R_OK | os.X_OK):
        raise SourceError(f"source {str(source)!r} cannot be read; check its permissions (chmod u+rx)")
    found, others = [], 0
    for path in _walk(source.absolute()):
        if path.suffix.lower() in SUFFIXES:
            found.append(FoundFile(path, path.relative_to(source.absolute()).as_posix()))
        elif not path.name.endswith(".json"):
            others += 1
    if not found:
        raise SourceError(
            f"source {str(source)!r} holds no media file ({others} other files); expected suffixes such as "
            ".mp4, .webm, .mkv, .flac, .mp3, .wav"
        )
    if others:
        log.info("%s: %d files passed over, their suffix is not one of a media file", source, others)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder; a linked folder is entered once, so loops end."""
    seen: set[tuple[int, int]] = set()
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_unreadable_folder):
        status = Path(here).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in files:
            path = Path(here, name)
            if path.is_file() or (path.is_symlink() and not path.exists()):
                yield path


def _unreadable_folder(error: OSError) -> None:
    raise SourceError(f"folder {error.filename!r} cannot be read ({error.strerror}); check its permissions")
