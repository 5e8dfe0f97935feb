"""One wanted item to one file: tries, routes, checks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leitmotif.collection.archive import Archive
from leitmotif.collection.errors import MAX_WAIT_S, HostStopped, Refused, Unavailable
from leitmotif.collection.fetch.budget import Budget, Meter
from leitmotif.collection.fetch.connections import Connections
from leitmotif.collection.fetch.download import DirectFetcher, IsPage
from leitmotif.collection.fetch.inspect import ProbePool
from leitmotif.collection.fetch.opt_out import OptOut
from leitmotif.collection.fetch.postprocess import FetchedSource, Postprocessor
from leitmotif.collection.fetch.site_process import SiteProcess
from leitmotif.collection.fetch.video_site import Playlist, Video
from leitmotif.collection.folder import SUFFIXES
from leitmotif.collection.match import choose
from leitmotif.collection.request import Request
from leitmotif.collection.retry import retrying
from leitmotif.collection.settings import Settings
from leitmotif.collection.takedown import ids_in, ids_of

# As the paper searched.
SEARCH = "{artist} {title} Official Music Video"

Hold = Callable[[float], None]


@dataclass(frozen=True)
class FetchResult:
    """What was done for an item: a file in the archive, or more items that it stands for."""

    facts: dict[str, Any]
    entries: tuple[Request, ...] = ()
    attempts: int = 1


class Fetcher:
    """Fetches items into an archive; used by all threads."""

    def __init__(self, settings: Settings, archive: Archive, budget: Budget, probes: ProbePool) -> None:
        self._settings, self._archive, self._budget = settings, archive, budget
        self._postprocessor = Postprocessor(settings, archive, probes)
        self._connections = Connections(settings)
        self._opt_out = None if settings.ignore_robots else OptOut(self._connections, budget.check)
        self._direct = DirectFetcher(settings, self._connections, self._opt_out)
        self._of_thread = threading.local()
        self._sites: list[SiteProcess] = []

    def fetch(self, request: Request, *, hold: Hold = lambda seconds: None) -> FetchResult:
        """Fetch an item, with a few tries.

        Args:
            request: The item.
            hold: Called with the seconds for which the host wants to be left alone.

        Returns:
            What was done. The source of a window is kept for the thread's next item until `release`.

        Raises:
            CollectError: See `leitmotif.collection.errors`; `Unavailable` after the last try.
        """
        waits: list[float | None] = []

        def told(error: Unavailable, wait_s: float | None) -> None:
            waits.append(error.wait_s)
            if error.wait_s is not None and wait_s is not None:
                hold(wait_s)

        try:
            done = retrying(self._settings, sleep=self._budget.wait, told=told)(self._once, request, hold)
        except Unavailable as error:
            if None in waits:
                raise
            raise HostStopped(f"{error}; {len(waits)} tries were answered so") from error
        return replace(done, attempts=len(waits) + 1)

    def close(self) -> None:
        """Close what is kept open, when all threads have ended."""
        self._connections.close()
        for site in self._sites:
            site.close()

    def holds(self, request: Request) -> bool:
        """Tell whether this thread has the source of a window."""
        return self._held(request) is not None

    def release(self, request: Request) -> None:
        """Remove the source that was kept for more windows of it."""
        if self.holds(request):
            self._of_thread.source = None
            self._archive.clear(request.source_key)

    def _held(self, request: Request) -> FetchedSource | None:
        kept: tuple[str, FetchedSource] | None = getattr(self._of_thread, "source", None)
        return kept[1] if kept is not None and kept[0] == request.source_key else None

    def _once(self, request: Request, hold: Hold) -> FetchResult:
        self._archive.takedowns.refuse(request.key, *(ids_in(request.url) if request.url else ()))
        if facts := self._archive.adopt(request):
            return FetchResult(facts)
        if (held := self._held(request)) is not None:
            return FetchResult(self._postprocessor.keep(request, held))
        meter = Meter(self._budget, self._settings)
        source: FetchedSource | Playlist | None = None
        if request.url is None:
            source = self._fetch_song(request, meter, hold)
        elif _is_media_name(request.url) and request.entry is None:
            source = self._fetch_file(request, request.url, meter, hold)
        if source is None and request.url is not None:
            source = self._fetch_video(request, request.url, meter, hold)
        if isinstance(source, Playlist):
            entries = tuple(
                replace(request, url=entry or request.url, entry=None if entry else number)
                for number, entry in enumerate(source.entries, start=1)
            )
            return FetchResult({}, entries)
        assert source is not None
        if request.end_s is not None:
            self._of_thread.source = (request.source_key, source)
        return FetchResult(self._postprocessor.keep(request, source))

    def _fetch_file(self, request: Request, url: str, meter: Meter, hold: Hold) -> FetchedSource | None:
        """Fetch what is named like a media file; None if it is a page."""
        part = self._part(request, url)
        try:
            download = self._direct.fetch(url, part, meter)
        except IsPage:
            return None
        finally:
            self._heed_pause(url, hold)
        info = {"webpage_url": download.url, "original_url": url}
        return self._postprocessor.look_into(request, [part], info, (), download)

    def _fetch_song(self, request: Request, meter: Meter, hold: Hold) -> FetchedSource | Playlist:
        """Search, choose, and fetch what was chosen."""
        artist, title = request.artist or "", request.title or ""
        found = self._site().search(SEARCH.format(artist=artist, title=title), meter)
        match = choose(found, artist=artist, title=title, duration_s=request.duration_s)
        return self._fetch_video(request, match.url, meter, hold, match.reasons)

    def _fetch_video(
        self, request: Request, url: str, meter: Meter, hold: Hold, reasons: tuple[str, ...] = ()
    ) -> FetchedSource | Playlist:
        self._settings.guard.check_url(url)
        if self._opt_out:
            self._opt_out.check(url)
            self._heed_pause(url, hold)
        found = self._site().resolve(url, meter, entry=request.entry)
        if isinstance(found, Playlist):
            return found
        info = found.info
        # Where a redirect led, or what the page shows of others.
        self._check_wishes(url, info.get("webpage_url"))
        self._archive.takedowns.refuse(*ids_of(info))
        parts = [self._fetch_format(request, found, chosen, meter) for chosen in found.formats]
        return self._postprocessor.look_into(request, parts, info, reasons)

    def _fetch_format(self, request: Request, video: Video, chosen: dict[str, Any], meter: Meter) -> Path:
        # Another video or format never goes on where this one stopped.
        page = video.info.get("webpage_url")
        part = self._part(request, f"{page} {chosen.get('format_id')} {chosen.get('filesize')}")
        if not _is_plain(chosen):
            self._check_wishes(None, chosen.get("manifest_url"), chosen.get("url"))
            self._site().fetch(video, chosen, part, meter)
            return part
        try:
            self._direct.fetch(chosen["url"], part, meter, headers=chosen.get("http_headers"))
        except IsPage as found:
            raise Refused(f"{str(found)[:200]} is a web page where a media file was promised") from found
        return part

    def _check_wishes(self, asked: str | None, *urls: Any) -> None:
        """Let addresses that yt-dlp found pass, unless their hosts do not want it.

        Args:
            asked: An address that was checked before.
            urls: Addresses, or anything else.

        Raises:
            Refused: A host does not want it.
        """
        for url in dict.fromkeys(urls):
            if self._opt_out and isinstance(url, str) and url != asked:
                self._settings.guard.check_url(url)
                self._opt_out.check(url)

    def _heed_pause(self, url: str, hold: Hold) -> None:
        """Leave a host alone for as long as its robots.txt asks between two requests."""
        if self._opt_out and (delay_s := self._opt_out.delay_s(url)):
            hold(min(delay_s, MAX_WAIT_S))

    def _part(self, request: Request, what: str) -> Path:
        name = hashlib.blake2b(what.encode(), digest_size=4).hexdigest()
        return self._archive.part(request.source_key, name)

    def _site(self) -> SiteProcess:
        if not hasattr(self._of_thread, "site"):
            self._of_thread.site = SiteProcess(self._settings)
            self._sites.append(self._of_thread.site)
        site: SiteProcess = self._of_thread.site
        return site


def _is_media_name(url: str) -> bool:
    return Path(urlsplit(url).path).suffix.lower() in SUFFIXES


def _is_plain(form: dict[str, Any]) -> bool:
    """Tell whether a format is one file behind one address, which our own fetcher resumes more safely."""
    chunked = (form.get("downloader_options") or {}).get("http_chunk_size")
    special = form.get("fragments") or form.get("request_data") or form.get("impersonate") or chunked
    return form.get("protocol") in ("http", "https") and not special
