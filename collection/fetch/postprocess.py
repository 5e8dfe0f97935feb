"""From what came to a file of the archive: looked into, joined, cut, with what is known of it beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leitmotif.collection.archive import Archive
from leitmotif.collection.errors import Refused
from leitmotif.collection.fetch.download import Download
from leitmotif.collection.fetch.inspect import Content, ProbePool
from leitmotif.collection.request import Request
from leitmotif.collection.settings import Settings
from leitmotif.collection.sidecar import sidecar_fields
from leitmotif.collection.takedown import site_id
from leitmotif.media.mux import join_streams
from leitmotif.media.window import cut_window
from leitmotif.storage.digest import sha256_of

# To join or cut one file.
MUX_LIMIT_S = 900.0


@dataclass(frozen=True)
class FetchedSource:
    """What an item's source holds, fetched and looked into.

    Attributes:
        path: Where it lies.
        sha256: Hash of the whole file, in hex.
        content: What it says about itself.
        info: What the site says of it, in yt-dlp's words.
        reasons: Why this one, where it was searched for.
        at: When it was fetched.
        tidy: Whether nothing else of it lies on the disk.
    """

    path: Path
    sha256: str
    content: Content
    info: dict[str, Any]
    reasons: tuple[str, ...]
    at: datetime
    tidy: bool


class Postprocessor:
    """Finishes fetched files; used by all threads."""

    def __init__(self, settings: Settings, archive: Archive, probes: ProbePool) -> None:
        self._settings, self._archive, self._probes = settings, archive, probes

    def look_into(
        self,
        request: Request,
        parts: list[Path],
        info: dict[str, Any],
        reasons: tuple[str, ...],
        download: Download | None = None,
    ) -> FetchedSource:
        """Look into what came, and join picture and sound where they came apart.

        Args:
            request: The item.
            parts: One file with everything, or a picture and a sound.
            info: What the site says of it.
            reasons: Why this one was chosen.
            download: What was seen of a single file while it came.

        Raises:
            Refused: It is no media file, of a kind that is not kept, too long, or was taken down.
        """
        at = datetime.now(UTC)
        try:
            if download is not None:
                path = parts[0]
                seen = {"head": download.head, "size_bytes": download.size_bytes}
                content, sha256 = self._inspected(path, download.sha256, **seen)
            else:
                path = parts[0] if len(parts) == 1 else self._joined(request, *parts)
                content, sha256 = self._inspected(path)
        except Refused:
            self._archive.clear(request.source_key)
            raise
        tidy = download is not None and download.tidy
        return FetchedSource(path, sha256, content, info, reasons, at, tidy)

    def _joined(self, request: Request, picture: Path, sound: Path) -> Path:
        for part in (picture, sound):
            self._probes.inspect(part, self._settings)
        path = self._archive.part(request.source_key, "joined")
        self._probes.run(join_streams, picture, sound, path, limit_s=MUX_LIMIT_S)
        return path

    def _inspected(self, path: Path, sha256: str | None = None, **seen: Any) -> tuple[Content, str]:
        """Return what a file holds and its SHA-256, unless what it holds was taken down or is not kept."""
        content = self._probes.inspect(path, self._settings, **seen)
        sha256 = sha256 or sha256_of(path)
        self._archive.takedowns.refuse_file(path, sha256)
        return content, sha256

    def keep(self, request: Request, source: FetchedSource) -> dict[str, Any]:
        """Put a file, or the window asked for, into the archive with its metadata; return its facts.

        Raises:
            Refused: The window is not in it, or cannot be cut.
        """
        path, content, sha256 = source.path, source.content, source.sha256
        if request.end_s is not None:
            path, content, sha256 = self._cut(request, source)
        fields = sidecar_fields(
            source.info,
            artist=request.artist,
            title=request.title,
            isrc=request.isrc,
            window_s=(request.start_s, request.end_s),
            labels=request.labels,
            retrieved_at=source.at,
        )
        source_id = site_id(source.info) or (None if request.end_s is None else request.source_key)
        fields |= {
            "duration": content.duration_s,
            "leitmotif": {
                "reasons": list(source.reasons),
                "robots": "ignored" if self._settings.ignore_robots else "asked",
                "source_id": source_id,
            },
        }
        facts = self._archive.keep(request, path, content.suffix, fields, sha256=sha256)
        if request.end_s is None:
            self._archive.clear(request.key, tidy=source.tidy)
        return facts

    def _cut(self, request: Request, source: FetchedSource) -> tuple[Path, Content, str]:
        assert request.end_s is not None
        start_s, length_s = request.start_s or 0.0, source.content.duration_s
        if start_s >= length_s:
            raise Refused(f"the window begins at {start_s:g} s; the file is {length_s:.1f} s long")
        window = self._archive.part(request.key, "window")
        self._probes.run(
            cut_window,
            source.path,
            window,
            start_s=start_s,
            end_s=request.end_s,
            has_video=source.content.has_video,
            limit_s=MUX_LIMIT_S,
        )
        try:
            content, sha256 = self._inspected(window)
        except Refused:
            window.unlink()
            raise
        return window, content, sha256
