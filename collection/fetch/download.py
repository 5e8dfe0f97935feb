"""Fetch a media file from its own address: resumed by range, checked and hashed while it streams."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leitmotif.collection.errors import Refused, Unavailable
from leitmotif.collection.fetch.budget import Meter
from leitmotif.collection.fetch.connection import Response
from leitmotif.collection.fetch.connections import Connections, check_status
from leitmotif.collection.fetch.opt_out import OptOut, refuse_reserved
from leitmotif.collection.fetch.partial_file import PartialFile, resumable
from leitmotif.collection.header_numbers import whole_number
from leitmotif.collection.settings import Settings

CHUNK_BYTES = 1 << 18
# Beside video/* and audio/*: what servers say of files whose kind they do not know.
_MEDIA_TYPES = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/ogg", "application/mp4"}
    | {"application/x-matroska", "application/force-download", "application/x-flac"}
)
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})


class IsPage(Exception):  # noqa: N818 - a finding, not a failure
    """A web page came where a media file might have been; yt-dlp may know it."""


@dataclass(frozen=True)
class Download:
    """A file that came whole.

    Attributes:
        url: Where it came from in the end.
        sha256: Hash of the whole file, in hex.
        head: First bytes of the file; empty where a part had come before.
        size_bytes: How many there are.
        tidy: Whether nothing but the file was left on the disk.
    """

    url: str
    sha256: str
    head: bytes = b""
    size_bytes: int = 0
    tidy: bool = False


class DirectFetcher:
    """Fetches files; used by all threads."""

    def __init__(self, settings: Settings, connections: Connections, opt_out: OptOut | None) -> None:
        """Make a fetcher.

        Args:
            settings: Bounds.
            connections: What to ask over.
            opt_out: Who does not want to be asked; None to ask regardless.
        """
        self._most_bytes = settings.max_file_bytes
        self._connections, self._opt_out = connections, opt_out

    def fetch(
        self, url: str, part: Path, meter: Meter, *, headers: Mapping[str, str] | None = None
    ) -> Download:
        """Fetch what is missing of a file.

        A part of it that is there is resumed if the server still has the same file, by its ETag or date;
        otherwise it is fetched from its start.

        Args:
            url: Address of the file.
            part: Where it goes; kept when the connection breaks.
            meter: Counts what comes.
            headers: Sent along.

        Returns:
            Where it came from.

        Raises:
            IsPage: It is a web page.
            Refused: Address, kind or size are not allowed, or its host does not want it.
            Gone: The server does not give it.
            Unavailable: Network or server failed.
            HostStopped: The server limits us for longer than a run may wait.
            RunStopped: The run is over.
        """
        there, mark = resumable(part)
        start = there
        if start:
            headers = {**(headers or {}), "Range": f"bytes={start}-", "If-Range": mark}
        before = self._opt_out.check if self._opt_out else _let_pass
        with self._connections.ask(url, meter.deadline, headers=headers, before=before) as (answer, final):
            if answer.status == 416 and start:
                if answer.headers.get("Content-Range", "").endswith(f"*/{start}"):
                    return Download(final, PartialFile(part, start=start).sha256())
                part.unlink()
                raise Unavailable("the file has changed at the server; it is fetched anew")
            check_status(answer, final)
            self._check_kind(answer, final)
            start = start if _continues(answer, start) else 0
            length = self._checked_length(answer, start)
            meter.bytes = start
            with PartialFile(part, start=start, mark=_mark(answer), size=length) as file:
                # As it comes: a drip must not wait until a chunk is full.
                while piece := answer.read_chunk(CHUNK_BYTES):
                    file.write(piece)
                    meter.count(len(piece))
            return Download(
                final, file.sha256(), file.head, file.size_bytes, tidy=not (there or file.left_note)
            )

    def _check_kind(self, answer: Response, url: str) -> None:
        if self._opt_out:
            refuse_reserved(url, answer.headers)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in _PAGE_TYPES:
            raise IsPage(url)
        if kind.partition("/")[0] not in ("video", "audio") and kind not in _MEDIA_TYPES:
            raise Refused(f"{url[:200]} is {kind!r}; expected a video or audio file")

    def _checked_length(self, answer: Response, start: int) -> int | None:
        """Return how many bytes the file has, as far as the server says.

        Raises:
            Refused: More than allowed.
        """
        length = whole_number(answer.headers.get("Content-Length"))
        if length is None:
            return None
        size = start + length
        if size > self._most_bytes:
            raise Refused(f"the file has {size} bytes; the limit is {self._most_bytes} (--max-file-size)")
        return size


def _mark(answer: Response) -> str:
    """Return what tells this file from a later one at the same address; empty where nothing does."""
    etag = answer.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _let_pass(url: str) -> None:
    """Ask a host that is not asked what it wants."""


def _continues(answer: Response, start: int) -> bool:
    if answer.status != 206:
        return False
    found = re.match(r"bytes ([0-9]+)-", answer.headers.get("Content-Range", ""))
    if start and found and whole_number(found[1]) == start:
        return True
    raise Unavailable("the server sent another part of the file than was asked for")
