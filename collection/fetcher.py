"""One wanted item to one file: tries, routes, checks."""

from __future__ import annotations

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
from collection.metadata import sidecar_fields
from collection.refusals import HostStopped, Refused, Unavailable
from collection.settings import Settings
from collection.shelf import Shelf
from collection.video_site import Playlist, VideoSite
from collection.wanted import Wanted


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
        assert wanted.url is not None
        meter = Meter(self._budget, self._settings)
        self._settings.guard.check_url(wanted.url)
        if _is_media_name(wanted.url) and wanted.entry is None:
            try:
                return self._fetch_file(wanted, wanted.url, {"original_url": wanted.url}, meter)
            except IsPage:
                pass
        return self._fetch_video(wanted, wanted.url, meter)

    def _fetch_video(self, wanted: Wanted, url: str, meter: Meter) -> Fetched:
        found = self._site().resolve(url, meter, entry=wanted.entry)
        if isinstance(found, Playlist):
            entries = tuple(
                replace(wanted, url=entry or url, entry=None if entry else number)
                for number, entry in enumerate(found.entries, start=1)
            )
            return Fetched({}, 1, entries)
        if len(found.formats) > 1:
            raise Refused("picture and sound come as two files, which are not joined yet")
        chosen = found.formats[0]
        if _is_plain(chosen):
            try:
                return self._fetch_file(wanted, chosen["url"], found.info, meter, chosen.get("http_headers"))
            except IsPage as page:
                raise Refused(f"{str(page)[:200]} is a web page where a media file was promised") from page
        part = self._shelf.part(wanted.key)
        self._site().fetch(found, chosen, part, meter)
        return self._keep(wanted, part, found.info)

    def _fetch_file(
        self,
        wanted: Wanted,
        url: str,
        info: dict[str, Any],
        meter: Meter,
        headers: dict[str, str] | None = None,
    ) -> Fetched:
        part = self._shelf.part(wanted.key)
        got = self._direct.fetch(url, part, meter, headers=headers)
        return self._keep(wanted, part, {"webpage_url": got.url} | info)

    def _keep(self, wanted: Wanted, part: Path, info: dict[str, Any]) -> Fetched:
        try:
            found, suffix = self._inspectors.inspect(part, self._settings)
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
        fields["duration"] = found.duration_s
        facts = self._shelf.keep(wanted, part, suffix, fields)
        self._shelf.clear(wanted.key)
        return Fetched(facts, 1)

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
