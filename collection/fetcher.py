"""One wanted item to one file: tries, routes, checks."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leitmotif.collection.budget import Budget, Meter
from leitmotif.collection.connections import Connections
from leitmotif.collection.container import Inspectors
from leitmotif.collection.direct import DirectFetcher, IsPage
from leitmotif.collection.finisher import Finisher, Whole, site_id
from leitmotif.collection.folder import SUFFIXES
from leitmotif.collection.match import choose
from leitmotif.collection.opt_out import OptOut
from leitmotif.collection.refusals import HostStopped, Refused, Unavailable
from leitmotif.collection.settings import MAX_WAIT_S, Settings
from leitmotif.collection.shelf import Shelf
from leitmotif.collection.takedown import ids_in
from leitmotif.collection.video_site import Playlist, Video, VideoSite
from leitmotif.collection.wanted import Wanted

# As the paper searched.
SEARCH = "{artist} {title} Official Music Video"

Hold = Callable[[float], None]


@dataclass(frozen=True)
class Fetched:
    """What was done for an item: a file on the shelf, or more items that it stands for."""

    facts: dict[str, Any]
    attempts: int
    entries: tuple[Wanted, ...] = ()


class Fetcher:
    """Fetches items onto a shelf; used by all threads."""

    def __init__(self, settings: Settings, shelf: Shelf, budget: Budget, inspectors: Inspectors) -> None:
        self._settings, self._shelf, self._budget = settings, shelf, budget
        self._finisher = Finisher(settings, shelf, inspectors)
        self._connections = Connections(settings)
        self._opt_out = None if settings.ignore_robots else OptOut(self._connections)
        self._direct = DirectFetcher(settings, self._connections, self._opt_out)
        self._of_thread = threading.local()

    def fetch(self, wanted: Wanted, *, hold: Hold = lambda seconds: None) -> Fetched:
        """Fetch an item, with a few tries.

        Args:
            wanted: The item.
            hold: Told for how many seconds the host wants to be left alone.

        Returns:
            What was done. The source of a window is kept for the thread's next item until `release`.

        Raises:
            CollectError: See `leitmotif.collection.refusals`; `Unavailable` after the last try.
        """
        limits = 0
        for attempt in range(1, self._settings.attempts + 1):
            try:
                done = self._once(wanted, hold)
                return done if attempt == 1 else replace(done, attempts=attempt)
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

    def close(self) -> None:
        """Close what is kept open, when all threads have ended."""
        self._connections.close()

    def holds(self, wanted: Wanted) -> bool:
        """Tell whether this thread has the source of a window."""
        return self._held(wanted) is not None

    def release(self, wanted: Wanted) -> None:
        """Remove the source that was kept for more windows of it."""
        if self.holds(wanted):
            self._of_thread.whole = None
            self._shelf.clear(wanted.source_key)

    def _held(self, wanted: Wanted) -> Whole | None:
        kept: tuple[str, Whole] | None = getattr(self._of_thread, "whole", None)
        return kept[1] if kept is not None and kept[0] == wanted.source_key else None

    def _once(self, wanted: Wanted, hold: Hold) -> Fetched:
        self._shelf.refuse_taken_down(wanted)
        if facts := self._shelf.adopt(wanted):
            return Fetched(facts, 1)
        if (held := self._held(wanted)) is not None:
            return Fetched(self._finisher.keep(wanted, held), 1)
        meter = Meter(self._budget, self._settings)
        whole: Whole | Playlist | None = None
        if wanted.url is None:
            whole = self._fetch_song(wanted, meter, hold)
        elif _is_media_name(wanted.url) and wanted.entry is None:
            whole = self._fetch_file(wanted, wanted.url, meter, hold)
        if whole is None and wanted.url is not None:
            whole = self._fetch_video(wanted, wanted.url, meter, hold)
        if isinstance(whole, Playlist):
            entries = tuple(
                replace(wanted, url=entry or wanted.url, entry=None if entry else number)
                for number, entry in enumerate(whole.entries, start=1)
            )
            return Fetched({}, 1, entries)
        assert whole is not None
        if wanted.end_s is not None:
            self._of_thread.whole = (wanted.source_key, whole)
        return Fetched(self._finisher.keep(wanted, whole), 1)

    def _fetch_file(self, wanted: Wanted, url: str, meter: Meter, hold: Hold) -> Whole | None:
        """Fetch what is named like a media file; None if it is a page."""
        part = self._part(wanted, url)
        try:
            got = self._direct.fetch(url, part, meter)
        except IsPage:
            return None
        finally:
            self._heed_pause(url, hold)
        info = {"webpage_url": got.url, "original_url": url}
        return self._finisher.look_into(wanted, [part], info, (), got)

    def _fetch_song(self, wanted: Wanted, meter: Meter, hold: Hold) -> Whole | Playlist:
        """Search, choose, and fetch what was chosen."""
        artist, title = wanted.artist or "", wanted.title or ""
        found = self._site().search(SEARCH.format(artist=artist, title=title), meter)
        match = choose(found, artist=artist, title=title, duration_s=wanted.duration_s)
        return self._fetch_video(wanted, match.url, meter, hold, match.reasons)

    def _fetch_video(
        self, wanted: Wanted, url: str, meter: Meter, hold: Hold, reasons: tuple[str, ...] = ()
    ) -> Whole | Playlist:
        self._settings.guard.check_url(url)
        if self._opt_out:
            self._opt_out.check(url)
            self._heed_pause(url, hold)
        found = self._site().resolve(url, meter, entry=wanted.entry)
        if isinstance(found, Playlist):
            return found
        info = found.info
        if takedowns := self._shelf.takedowns:
            names = (info.get(name) for name in ("webpage_url", "original_url", "url"))
            ids = (identity for name in names if isinstance(name, str) for identity in ids_in(name))
            takedowns.refuse(info.get("id"), site_id(info), *ids)
        parts = [self._fetch_format(wanted, found, chosen, meter) for chosen in found.formats]
        return self._finisher.look_into(wanted, parts, info, reasons)

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

    def _heed_pause(self, url: str, hold: Hold) -> None:
        """Leave a host alone for as long as its robots.txt asks between two requests."""
        if self._opt_out and (delay_s := self._opt_out.delay_s(url)):
            hold(min(delay_s, MAX_WAIT_S))

    def _part(self, wanted: Wanted, what: str) -> Path:
        name = hashlib.blake2b(what.encode(), digest_size=4).hexdigest()
        return self._shelf.part(wanted.source_key, name)

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
