"""Files that look like media and are none: what systems and yt-dlp leave between the media of a folder."""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path

# Bins, indexes and caches of macOS, Windows, Linux, Synology and QNAP; compared without case.
FOLDERS = frozenset(
    (
        *("__macosx", ".appledouble", ".trashes", ".spotlight-v100", ".fseventsd", ".temporaryitems"),
        *("$recycle.bin", "system volume information", "lost+found"),
        *("@eadir", "#recycle", "@recycle", ".@__thumb"),
    )
)
# Where macOS keeps what an exFAT or network drive has no place for; RFC 1740, appendix A.
_APPLE_DOUBLE = bytes.fromhex("00051607")
# `NAME.f137.mp4`, `NAME.fhls-720.mp4`: one format of a video, until it is joined to NAME.EXT.
_FORMAT = re.compile(r"(?P<name>.+)\.f(?:\d+(?:-\w+)*|(?:hls|dash|http)[\w=+-]*)", re.IGNORECASE)
_TEMPORARY = re.compile(r"(?P<name>.+)\.temp", re.IGNORECASE)

SHADOWS, DOWNLOADS = "shadow files of macOS", "leftovers of yt-dlp"


def is_for_systems(folder: str) -> bool:
    """Tell whether a folder of this name belongs to a system: a bin, an index, a cache."""
    return folder.casefold() in FOLDERS or folder.casefold().startswith(".trash")


def leftover_kind(path: Path, stems: Set[str]) -> str | None:
    """Return what kind of leftover a file is; None for one that is meant.

    A name alone proves nothing: a shadow is one by its first bytes, a format or a half-written file of yt-dlp
    by the finished file that lies beside it. Only a half-written format, `NAME.f137.temp.mp4`, is one anyway.

    Args:
        path: A file with the suffix of a media file.
        stems: Names, without suffix, of the media files in the same folder.
    """
    if path.name.startswith("._") and _begins_with(path, _APPLE_DOUBLE):
        return SHADOWS
    if temporary := _TEMPORARY.fullmatch(path.stem):
        name = temporary["name"]
        if _FORMAT.fullmatch(name) or name in stems:
            return DOWNLOADS
    if (one_format := _FORMAT.fullmatch(path.stem)) and one_format["name"] in stems:
        return DOWNLOADS
    return None


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:  # what cannot be read is catalogued, with the reason
        return False
