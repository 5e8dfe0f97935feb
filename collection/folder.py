"""Find media files in folders."""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leitmotif.collection.leftovers import is_for_systems, leftover_kind
from leitmotif.collection.ours import inner_folders
from leitmotif.phrases import count, near_path, some_of
from leitmotif.storage.errors import OutsideError, UserError, describe_machine_fault, is_machine_fault
from leitmotif.storage.lock import LOCK

logger = logging.getLogger("leitmotif.collection")

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3gp", "avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "ts", "webm", "wmv"),
        *("aac", "aif", "aiff", "flac", "m4a", "mp3", "oga", "ogg", "opus", "wav", "wma"),
    )
)
# What lies beside media and tells of them: sidecars, tables of metadata, the truth of a rendered corpus.
METADATA_SUFFIXES = frozenset({".json", ".jsonl", ".csv"})


@dataclass(frozen=True)
class FoundFile:
    """A media file: where it is, and its name within the source it was found in."""

    path: Path
    source_id: str


def find_media(sources: Sequence[Path]) -> list[FoundFile]:
    """List the media files of folders (searched in depth, links followed once) and files.

    What systems and yt-dlp leave in folders is passed over and counted (`leitmotif.collection.leftovers`),
    and so are workspaces, datasets and the like (`leitmotif.collection.ours`).

    Args:
        sources: Folders or single files.

    Returns:
        Every media file once, by path.

    Raises:
        UserError: A source does not exist, cannot be read or holds no media file.
        OutsideError: The disk failed.
    """
    found: dict[Path, FoundFile] = {}
    for source in sources:
        for file in _find_in(source):
            found.setdefault(file.path, file)
    return [found[path] for path in sorted(found)]


def _address(source: Path) -> str | None:
    """Return the web address that was given as a path, which made one slash of two."""
    match = re.match(r"(https?):/+(?=[^/])", str(source), re.IGNORECASE)
    return f"{match[1]}://{str(source)[match.end() :]}" if match and not source.exists() else None


def _find_in(source: Path) -> list[FoundFile]:
    if source.is_file():
        return [FoundFile(source.absolute(), source.name)]
    if address := _address(source):
        raise UserError(
            f"source {address!r} is an address; fetch it first: leitmotif collect {shlex.quote(address)} "
            "--out my-videos/"
        )
    if not source.is_dir():
        raise UserError(
            f"source {str(source)!r} does not exist; {near_path(source)}give a folder of media files, "
            "or a media file"
        )
    if not os.access(source, os.R_OK | os.X_OK):
        raise UserError(f"source {str(source)!r} cannot be read; check its permissions (chmod u+rx)")
    found: list[FoundFile] = []
    others: list[str] = []
    passed_over: Counter[str] = Counter()
    first: dict[str, str] = {}
    unread: list[OSError] = []
    for names in _walk(source.absolute(), passed_over, unread):
        media = [path for path in names if path.suffix.lower() in SUFFIXES]
        rest = [path.name for path in names if path.suffix.lower() not in SUFFIXES | METADATA_SUFFIXES]
        others += [name for name in rest if name != LOCK]  # of a run that is only starting within the source
        stems = {path.stem for path in media}
        for path in media:
            name = path.relative_to(source.absolute()).as_posix()
            if kind := leftover_kind(path, stems):
                passed_over[kind] += 1
                first[kind] = min(name, first.get(kind, name))
            else:
                found.append(FoundFile(path, name))
    if passed_over:
        counts = sorted(passed_over.items())
        named = {kind: f" (first: {name})" for kind, name in first.items()}
        kinds = ", ".join(f"{number} {kind}{named.get(kind, '')}" for kind, number in counts)
        logger.info("%s: passed over: %s", source, kinds)
    if unread:
        logger.warning(
            "%s: %s passed over, which cannot be read (%s); check permissions and lengths of names",
            source,
            count(len(unread), "folder is", "folders are"),
            some_of([f"{error.filename!r:.200}: {error.strerror}" for error in unread]),
        )
    if not found:
        left = count(len(others) + passed_over.total(), "other file")
        raise UserError(
            f"source {str(source)!r} holds no media file ({left}); "
            "expected suffixes such as .mp4, .webm, .mkv, .flac, .mp3, .wav"
        )
    if others:
        whose = "its name has" if len(others) == 1 else "their names have"
        files = f"{count(len(others), 'file')} passed over, since {whose} no ending of a media file"
        logger.info("%s: %s: %s", source, files, some_of(sorted(others)))
    return found


def _walk(folder: Path, passed_over: Counter[str], unread: list[OSError]) -> Iterator[list[Path]]:
    """Yield the regular files of each folder below one; a linked folder is entered once, so loops end.

    Folders may lie in folders as deep as a disk has them, where `os.walk` ends at Python's depth of calls.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            folders, files = _names_in(here)
        except OSError as error:
            if is_machine_fault(error):
                raise OutsideError(f"{describe_machine_fault(error, here)}, and run again") from error
            unread.append(error)
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in sorted(filter(is_for_systems, folders)):
            passed_over[f"folder {name}"] += 1
        kind, inner = inner_folders(folders, files)
        if kind:
            passed_over[kind] += 1
            # The files of ours beside the user's media count with their folder.
            files = [name for name in files if Path(name).suffix.lower() in SUFFIXES]
        waiting += [here / name for name in folders if not is_for_systems(name) and name not in inner]
        # What cannot be looked at, such as a broken link, is catalogued with the reason.
        paths = (here / name for name in files)
        yield [path for path in paths if os.path.isfile(path) or not os.path.exists(path)]  # noqa: PTH110, PTH113


def _names_in(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders in a folder, those that links lead to too, and all others."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (folders if _is_folder(entry) else files).append(entry.name)
    return folders, files


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link into a folder that may not be searched
        return False
