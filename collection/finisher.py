"""From what came to a file on the shelf: looked into, joined, cut, with what is known of it beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leitmotif.collection.container import Content, Inspectors
from leitmotif.collection.direct import Got
from leitmotif.collection.joining import cut, join
from leitmotif.collection.refusals import Refused
from leitmotif.collection.settings import Settings
from leitmotif.collection.shelf import Shelf, sha256_of
from leitmotif.collection.sidecar import sidecar_fields
from leitmotif.collection.wanted import Wanted
from leitmotif.shards.texts import encodable


@dataclass(frozen=True)
class Whole:
    """What an item's source holds, fetched and looked into.

    Attributes:
        path: Where it lies.
        sha256: Of all of it, in hex.
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


class Finisher:
    """Finishes fetched files; used by all threads."""

    def __init__(self, settings: Settings, shelf: Shelf, inspectors: Inspectors) -> None:
        self._settings, self._shelf, self._inspectors = settings, shelf, inspectors

    def look_into(
        self,
        wanted: Wanted,
        parts: list[Path],
        info: dict[str, Any],
        reasons: tuple[str, ...],
        got: Got | None = None,
    ) -> Whole:
        """Look into what came, and join picture and sound where they came apart.

        Args:
            wanted: The item.
            parts: One file with everything, or a picture and a sound.
            info: What the site says of it.
            reasons: Why this one was chosen.
            got: What was seen of a single file while it came.

        Raises:
            Refused: It is no media file, of a kind that is not kept, too long, or was taken down.
        """
        at = datetime.now(UTC)
        try:
            if got is not None:
                path, sha256 = parts[0], got.sha256
                content = self._inspectors.inspect(
                    path, self._settings, head=got.head, size_bytes=got.size_bytes
                )
            else:
                path, content = self._joined(wanted, parts)
                sha256 = sha256_of(path)
            self._shelf.takedowns.refuse_file(path, sha256)
        except Refused:
            self._shelf.clear(wanted.source_key)
            raise
        tidy = got is not None and got.tidy
        return Whole(path, sha256, content, info, reasons, at, tidy)

    def _joined(self, wanted: Wanted, parts: list[Path]) -> tuple[Path, Content]:
        contents = [self._inspectors.inspect(part, self._settings) for part in parts]
        if len(parts) == 1:
            return parts[0], contents[0]
        path = self._shelf.part(wanted.source_key, "joined")
        join(parts[0], parts[1], path)
        return path, self._inspectors.inspect(path, self._settings)

    def keep(self, wanted: Wanted, whole: Whole) -> dict[str, Any]:
        """Put a file, or the wanted window of it, on the shelf, with what is known of it; return its facts.

        Raises:
            Refused: The window is not in it, or cannot be cut.
        """
        path, content, sha256 = whole.path, whole.content, whole.sha256
        if wanted.end_s is not None:
            path, content, sha256 = self._cut(wanted, whole)
        fields = sidecar_fields(
            whole.info,
            artist=wanted.artist,
            title=wanted.title,
            isrc=wanted.isrc,
            window_s=(wanted.start_s, wanted.end_s),
            labels=wanted.labels,
            retrieved_at=whole.at,
        )
        source_id = site_id(whole.info) or (None if wanted.end_s is None else wanted.source_key)
        fields |= {
            "duration": content.duration_s,
            "leitmotif": {
                "reasons": list(whole.reasons),
                "robots": "ignored" if self._settings.ignore_robots else "asked",
                "source_id": source_id,
            },
        }
        facts = self._shelf.keep(wanted, path, content.suffix, fields, sha256=sha256)
        if wanted.end_s is None:
            self._shelf.clear(wanted.key, tidy=whole.tidy)
        return facts

    def _cut(self, wanted: Wanted, whole: Whole) -> tuple[Path, Content, str]:
        assert wanted.end_s is not None
        start_s, length_s = wanted.start_s or 0.0, whole.content.duration_s
        if start_s >= length_s:
            raise Refused(f"the window begins at {start_s:g} s; the file is {length_s:.1f} s long")
        window = self._shelf.part(wanted.key, "window")
        cut(whole.path, window, start_s=start_s, end_s=wanted.end_s, has_video=whole.content.has_video)
        try:
            content, sha256 = self._inspectors.inspect(window, self._settings), sha256_of(window)
            self._shelf.takedowns.refuse_file(window, sha256)
        except Refused:
            window.unlink()
            raise
        return window, content, sha256


def site_id(info: dict[str, Any]) -> str | None:
    """Return `SITE:ID` of a video, where a site gave it one."""
    site, identity = info.get("extractor"), info.get("id")
    if not isinstance(site, str) or not isinstance(identity, str) or site.startswith("generic"):
        return None
    return encodable(f"{site.lower()}:{identity}"[:200])
