"""Fetch from the sites that yt-dlp knows, with everything off that runs programs or reads other files."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yt_dlp
from yt_dlp import globals as yt_dlp_globals
from yt_dlp.downloader import DashSegmentsFD, HlsFD
from yt_dlp.downloader.http import HttpFD
from yt_dlp.utils import determine_protocol

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import Gone, Refused, Unavailable
from leitmotif.collection.fetch.budget import Meter
from leitmotif.collection.fetch.opt_out import refuse_reserved, refuse_reserved_page
from leitmotif.collection.fetch.site_errors import translated
from leitmotif.collection.fetch.site_requests import GuardedRequests, Watch
from leitmotif.collection.settings import Settings
from leitmotif.collection.sidecar import MAX_COMMENTS
from leitmotif.shards.addresses import without_secrets
from leitmotif.shards.texts import encodable

logger = logging.getLogger("leitmotif.collection")

# No plugin is looked for: it would be code that nobody here has read.
yt_dlp_globals.plugin_dirs.value = []


@dataclass(frozen=True)
class Video:
    """A video that can be fetched.

    Attributes:
        info: Yt-dlp's fields.
        formats: What to fetch: one file with everything, or a picture and a sound.
    """

    info: dict[str, Any]
    formats: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Playlist:
    """An address that stands for several videos.

    Attributes:
        entries: Their addresses, None for one that has no page of its own.
    """

    entries: tuple[str | None, ...]


class _Hls(HlsFD):
    """Never hands over to FFmpeg, whose connections nobody guards."""

    @classmethod
    def can_download(cls, manifest: str, info_dict: Any, allow_unplayable_formats: bool = False) -> bool:
        encrypted = re.search(r"#EXT-X-KEY:METHOD=(?!NONE)", manifest)
        if encrypted or not HlsFD.can_download(manifest, info_dict, allow_unplayable_formats):
            raise Refused("the stream is encrypted, live or of a kind that is not fetched")
        return True


_DOWNLOADERS = {
    "http": HttpFD,
    "https": HttpFD,
    "http_dash_segments": DashSegmentsFD,
    "m3u8_native": _Hls,
    "m3u8": _Hls,
}


class _Quiet:
    """Takes yt-dlp's messages; what matters comes as an exception."""

    def debug(self, message: str) -> None:
        logger.debug("yt-dlp: %s", without_secrets(message))

    info = warning = error = debug


class _YoutubeDL(yt_dlp.YoutubeDL):
    """yt-dlp with our requests and downloaders only."""

    def __init__(self, params: dict[str, Any], site: VideoSite) -> None:
        self._site = site
        super().__init__(params)

    def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
        guarded = type(
            "GuardedRequestsRH",
            (GuardedRequests,),
            {
                "__init__": lambda handler, **options: GuardedRequests.__init__(
                    handler, guard=self._site.guard, watch=self._site.watch, **options
                )
            },
        )
        return super().build_request_director([guarded])

    def urlopen(self, req: Any) -> Any:
        """Send a request whose address is allowed; the sockets check where it leads."""
        self._site.guard.check_url(req if isinstance(req, str) else req.url)
        return super().urlopen(req)

    def save_cookies(self) -> None:
        """Leave the user's file as it is."""

    def dl(self, name: str, info: dict[str, Any], subtitle: bool = False, test: bool = False) -> Any:
        downloader = _DOWNLOADERS.get(determine_protocol(info))
        if downloader is None:
            raise Refused(f"the format is sent by {determine_protocol(info)!r}, which is not fetched")
        ready = {**info, "http_headers": info.get("http_headers") or self._calc_headers(info)}
        return downloader(self, self.params).download(name, ready)


class VideoSite:
    """One yt-dlp; of one thread."""

    def __init__(self, settings: Settings) -> None:
        self.guard = settings.guard
        self.watch = (
            Watch(self.count, self.deadline)
            if settings.ignore_robots
            else Watch(self.count, self.deadline, refuse_reserved, refuse_reserved_page)
        )
        self._settings = settings
        self._meter: Meter | None = None

    def count(self, amount: int) -> None:
        """Tell the meter of the item at hand of bytes that came."""
        if self._meter is not None:
            self._meter.count(amount)

    def deadline(self) -> Deadline:
        """Return when all of the item at hand must have come."""
        return Deadline(self._settings.max_item_s) if self._meter is None else self._meter.deadline

    def resolve(self, url: str, meter: Meter, *, entry: int | None = None) -> Video | Playlist:
        """Find out what an address holds; nothing of its media is fetched.

        Args:
            url: Address of a page or file.
            meter: Counts what comes.
            entry: Number of the video, where the page holds several.

        Returns:
            A video, or the entries of a playlist.

        Raises:
            CollectError: See `leitmotif.collection.errors`.
        """
        with translated(url):
            self._meter = meter
            info = self._tool(entry).extract_info(url, download=False)
            if info is None:
                raise Gone(f"{url[:200]} holds no video")
            if info.get("_type") in ("playlist", "multi_video"):
                entries = [found for found in info.get("entries") or () if found]
                if entry is None or not entries:
                    return self._playlist(url, entries)
                info = entries[0]
            return self._video(info)

    def search(self, words: str, meter: Meter) -> list[dict[str, Any]]:
        """Search YouTube; return id, url, title, channel, duration and so on of the first results."""
        query = f"ytsearch{self._settings.candidates}:{words}"
        with translated(query):
            self._meter = meter
            info = self._tool(None).extract_info(query, download=False) or {}
            return [encodable(dict(found)) for found in info.get("entries") or () if found]

    def fetch(self, video: Video, chosen: dict[str, Any], part: Path, meter: Meter) -> None:
        """Fetch one of a video's formats; what came before is resumed.

        Raises:
            CollectError: See `leitmotif.collection.errors`.
        """
        url = str(video.info.get("webpage_url"))
        with translated(url):
            self._meter = meter
            meter.bytes = 0
            info = {**video.info, **chosen, "requested_formats": None}
            done, _ = self._tool(None).dl(str(part), info)
            if not done or not part.is_file():
                raise Unavailable(f"{url[:200]}: the download did not finish")

    def _playlist(self, url: str, entries: list[dict[str, Any]]) -> Playlist:
        if not entries:
            raise Gone(f"{url[:200]} is an empty playlist")
        # An entry without an address of its own is on this page.
        return Playlist(
            tuple(
                encodable(found.get("url") or found.get("webpage_url"))
                if found.get("_type") in ("url", "url_transparent")
                else None
                for found in entries
            )
        )

    def _video(self, info: dict[str, Any]) -> Video:
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
            raise Refused("a live stream is not fetched")
        duration_s = info.get("duration")
        if duration_s and duration_s > self._settings.max_duration_s:
            raise Refused(
                f"the video is {duration_s:.0f} s long; the limit is {self._settings.max_duration_s:g} s "
                "(--max-duration)"
            )
        return Video(info, tuple(info.get("requested_formats") or [info]))

    def _tool(self, entry: int | None) -> _YoutubeDL:
        if entry is None:
            return self._all
        return _YoutubeDL(self._params | {"playlist_items": str(entry), "extract_flat": False}, self)

    @cached_property
    def _all(self) -> _YoutubeDL:
        return _YoutubeDL(self._params, self)

    @cached_property
    def _params(self) -> dict[str, Any]:
        settings = self._settings
        height = settings.max_height
        comments = {"comment_sort": ["top"], "max_comments": [str(MAX_COMMENTS)] * 2 + ["0", "0"]}
        return {
            "logger": _Quiet(),
            "quiet": True,
            "noprogress": True,
            "no_color": True,
            "format": f"bv*[height<={height}]+ba/b[height<={height}]/bv*+ba/b/ba",
            "format_sort": [f"res:{height}", "abr"],
            "extract_flat": "in_playlist",
            "playlistend": settings.max_playlist,
            "noplaylist": False,
            "socket_timeout": 30.0,
            "retries": 0,
            "fragment_retries": 2,
            "extractor_retries": 1,
            "skip_unavailable_fragments": False,
            "max_filesize": settings.max_file_bytes,
            "continuedl": True,
            "nopart": True,
            "updatetime": False,
            "overwrites": True,
            "cachedir": False,
            "ffmpeg_location": "/nonexistent",
            "external_downloader": {"default": "native"},
            "enable_file_urls": False,
            "allow_unplayable_formats": False,
            "proxy": settings.guard.proxy or "",
            "cookiefile": str(settings.cookies) if settings.cookies else None,
            "getcomments": settings.comments,
            "extractor_args": {"youtube": comments},
            "source_address": None,
        }
