"""Says what a file that is no readable media container is instead, so that a person knows what to do."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = (
    (b"PK\x03\x04", "a zip archive (or an office document)"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-zip archive"),
    (b"Rar!", "a rar archive"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"PAR1", "a Parquet table"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself (run `git lfs pull`)"),
    (b"#EXTM3U", "a playlist of other files"),
    (b"SQLite format 3", "a database"),
)

# Nobody knows how a file came here.
_AGAIN = "export, copy or download it again"


def describe_broken(path: Path) -> str:
    """Say in one line why a file cannot be opened as media, and what to do.

    Args:
        path: A regular, non-empty file that the demuxers refused.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    size_bytes = path.stat().st_size
    name = path.name
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return f"{name!r} {_describe_mp4(path, size_bytes)}"
    if head[:4] in (b"RIFF", b"RF64", b"FORM") or head[:4].startswith(b"RI"):
        kind = "a wav or avi" if head[:1] == b"R" else "an aiff"
        return (
            f"{name!r} starts like {kind} file, but its header is broken or holds no media"
            f" ({size_bytes} bytes); {_AGAIN}"
        )
    if head[:4] == b"\x1aE\xdf\xa3":
        return f"{name!r} starts like a Matroska or WebM file, but its header is broken; {_AGAIN}"
    if head[:4] in (b"fLaC", b"OggS") or head[:3] in (b"ID3", b"FLV"):
        kind = {b"fLaC": "FLAC", b"OggS": "Ogg"}.get(head[:4]) or {b"ID3": "MP3", b"FLV": "FLV"}[head[:3]]
        return f"{name!r} starts like {kind}, but its header is broken; {_AGAIN}"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return f"{name!r} is {kind}; expected a video or audio file"
    text = _as_text(head)
    if text is not None:
        start = " ".join(text.split())[:40]
        page = "a web page" if "<html" in text[:1000].lower() or "<!doctype" in text[:100].lower() else "text"
        # A page is what a download leaves that was refused; other text nobody took for media.
        advice = ", download it again" if page != "text" else ""
        return f"{name!r} holds {page} ({start!r}…); expected a video or audio file{advice}"
    if not any(head):
        return f"{name!r} is filled with zeros, as a copy that failed; {_AGAIN}"
    return (
        f"{name!r} is not a video or audio container that can be read (starts with {head[:8].hex(' ')});"
        f" convert it with ffmpeg, or {_AGAIN}"
    )


def _as_text(head: bytes) -> str | None:
    """Return the text of the first bytes, or None if they are no text."""
    for cut in range(4):  # a character may be split at the end of what was read
        try:
            text = head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return text if sum(c.isprintable() or c.isspace() for c in text) >= 0.98 * len(text) else None
    return None


def _describe_mp4(path: Path, size_bytes: int) -> str:
    """Walk the boxes of an MP4 or QuickTime file and say which one is missing or cut."""
    names: list[str] = []
    with path.open("rb") as file:
        position = 0
        while position + 8 <= size_bytes and len(names) < 1000:
            file.seek(position)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
            names.append(kind.decode("latin-1"))
            if length == 0:
                break
            if length < 8 or position + length > size_bytes:
                missing = position + length - size_bytes
                if "moov" not in names:
                    return (
                        f"is an MP4 file that ends early: no index (moov), the {names[-1]!r} part lacks"
                        f" {max(missing, 0)} bytes; {_AGAIN}"
                    )
                return f"is an MP4 file with a broken {names[-1]!r} part; {_AGAIN}"
            position += length
    if "moov" not in names:
        return f"is an MP4 file that ends early: no index (moov), as a copy that was cut; {_AGAIN}"
    return f"is an MP4 file whose index (moov) cannot be read; {_AGAIN}"
