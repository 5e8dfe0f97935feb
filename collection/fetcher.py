"""One wanted item to one file: tries, routes, checks."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collection.budget import Budget, Meter
from collection.container import Inspectors
from collection.direct import DirectFetcher, IsPage
from collection.folder import SUFFIXES
from collection.joining import cut, join
from collection.match import choose
from collection.metadata import sidecar_fields
from collection.refusals import HostStopped, Refused, Unavailable
from collection.settings import Settings
from collection.shelf import Shelf
from collection.video_site import Playlist, Video, VideoSite
from collection.wanted import Wanted
from media.probe import Probe

# As the paper searched.
SEARCH = "{artist} {title} Official Music Video"


@dataclass(frozen=True)
class Fetched:
    """What was done for an item: a file on the shelf, or more items that it stands for."""

    facts: dict[str, Any]
    attempts: int
    entries: tuple[Wanted, ...] = ()


class Fetcher:
    """Fetches items onto a shelf; used by all threads."""

    def __init__(self, settings: Settings, shelf: Shelf, budget: Budget, inspectors: Inspectors) -> None:
        self._settings, self._shelf, self._budget, self._inspectors = settings, shelf, budget, inspectors
        self._direct = DirectFetcher(settings)
        self._of_thread = threading.local()

    def fetch(self, wanted: Wanted, *, hold: Callable[[float], None] = lambda seconds: None) -> Fetched:
        """Fetch an item, with a few tries.

        Args:
            wanted: The item.
            hold: Told for how many seconds the host wants to be left alone.

        Returns:
            What was done.

        Raises:
            CollectError: See `collection.refusals`; `Unavailable` after the last try.
        """
        limits = 0
        for attempt in range(1, self._settings.attempts + 1):
            try:
                done = self._once(wanted)
                return replace(done, attempts=attempt)
            except Unavailable as error:
                limits += error.wait_s is not None
                last = attempt == self._settings.attempts
                if last and limits == attempt:
                    raise HostStopped(f"{error}; {attempt} tries were answered so") from error
                if last:
                    raise
                wait_s = max(error.wait_s or 0.0, self._settings.backoff_s * math.pow(2, attempt - 1))
                if error.wait_s is not None:
                    hold(wait_s)
                self._budget.wait(wait_s)
        raise AssertionError  # pragma: no cover - attempts are at least 1

    def _once(self, wanted: Wanted) -> Fetched:
        if facts := self._shelf.adopt(wanted):
            return Fetched(facts, 1)
        meter = Meter(self._budget, self._settings)
        if wanted.url is None:
            return self._fetch_song(wanted, meter)
        self._settings.guard.check_url(wanted.url)
        if _is_media_name(wanted.url) and wanted.entry is None:
            try:
                part = self._part(wanted, wanted.url)
                got = self._direct.fetch(wanted.url, part, meter)
                info = {"webpage_url": got.url, "original_url": wanted.url}
                return self._keep(wanted, [part], info)
            except IsPage:
                pass
        return self._fetch_video(wanted, wanted.url, meter)

    def _fetch_song(self, wanted: Wanted, meter: Meter) -> Fetched:
        """Search, choose, and fetch what was chosen."""
        artist, title = wanted.artist or "", wanted.title or ""
        found = self._site().search(SEARCH.format(artist=artist, title=title), meter)
        match = choose(found, artist=artist, title=title, duration_s=wanted.duration_s)
        self._settings.guard.check_url(match.url)
        return self._fetch_video(wanted, match.url, meter, match.reasons)

    def _fetch_video(self, wanted: Wanted, url: str, meter: Meter, reasons: tuple[str, ...] = ()) -> Fetched:
        found = self._site().resolve(url, meter, entry=wanted.entry)
        if isinstance(found, Playlist):
            entries = tuple(
                replace(wanted, url=entry or url, entry=None if entry else number)
                for number, entry in enumerate(found.entries, start=1)
            )
            return Fetched({}, 1, entries)
        parts = [self._fetch_format(wanted, found, chosen, meter) for chosen in found.formats]
        return self._keep(wanted, parts, found.info, reasons)

    def _fetch_format(self, wanted: Wanted, video: Video, chosen: dict[str, Any], meter: Meter) -> Path:
        # Another video or format never goes on where this one stopped.
        page = video.info.get("webpage_url")
        part = self._part(wanted, f"{page} {chosen.get('format_id')} {chosen.get('filesize')}")
        if not _is_plain(chosen):
            self._site().fetch(video, chosen, part, meter)
            return part
        try:
            self._direct.fetch(chosen["url"], part, meter, headers=chosen.get("http_headers"))
        except IsPage as found:
            raise Refused(f"{str(found)[:200]} is a web page where a media file was promised") from found
        return part

    def _keep(
        self, wanted: Wanted, parts: list[Path], info: dict[str, Any], reasons: tuple[str, ...] = ()
    ) -> Fetched:
        """Look into what came, join and cut it as wanted, and put it on the shelf."""
        try:
            whole, found, suffix = self._made_whole(wanted, parts)
        except Refused:
            self._shelf.clear(wanted.key)
            raise
        fields = sidecar_fields(
            info,
            artist=wanted.artist,
            title=wanted.title,
            window_s=(wanted.start_s, wanted.end_s),
            labels=wanted.labels,
            retrieved_at=datetime.now(UTC),
        )
        fields |= {"duration": found.duration_s, "leitmotif": {"reasons": list(reasons)}}
        facts = self._shelf.keep(wanted, whole, suffix, fields)
        self._shelf.clear(wanted.key)
        return Fetched(facts, 1)

    def _made_whole(self, wanted: Wanted, parts: list[Path]) -> tuple[Path, Probe, str]:
        inspected = [self._inspectors.inspect(part, self._settings) for part in parts]
        whole, (found, suffix) = parts[0], inspected[0]
        if len(parts) > 1:
            whole = self._shelf.part(wanted.key, "joined")
            join(parts[0], parts[1], whole)
            found, suffix = self._inspectors.inspect(whole, self._settings)
        if wanted.end_s is None:
            return whole, found, suffix
        start_s = wanted.start_s or 0.0
        if start_s >= found.duration_s:
            raise Refused(f"the window begins at {start_s:g} s; the file is {found.duration_s:.1f} s long")
        window = self._shelf.part(wanted.key, "window")
        cut(whole, window, start_s=start_s, end_s=wanted.end_s, has_video=found.has_video)
        return window, *self._inspectors.inspect(window, self._settings)

    def _part(self, wanted: Wanted, what: str) -> Path:
        return self._shelf.part(wanted.key, hashlib.blake2b(what.encode(), digest_size=4).hexdigest())

    def _site(self) -> VideoSite:
        if not hasattr(self._of_thread, "site"):
            self._of_thread.site = VideoSite(self._settings)
        site: VideoSite = self._of_thread.site
        return site


def _is_media_name(url: str) -> bool:
    return Path(urlsplit(url).path).suffix.lower() in SUFFIXES


def _is_plain(form: dict[str, Any]) -> bool:
    """Tell whether a format is one file behind one address, which our own fetcher resumes more safely."""
    chunked = (form.get("downloader_options") or {}).get("http_chunk_size")
    special = form.get("fragments") or form.get("request_data") or form.get("impersonate") or chunked
    return form.get("protocol") in ("http", "https") and not special
