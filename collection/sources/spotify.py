"""Charts of songs from Spotify's Web API; each song is then searched for as of any chart.

What an app may ask for depends on its mode. Since March 2026 apps in development mode get neither top tracks
nor new releases nor other people's playlists; searches, artists and albums they do get, and where the one is
refused this source takes the other.

Reference:
    https://developer.spotify.com/documentation/web-api/references/changes/february-2026
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import spotipy
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOauthError

from leitmotif.collection.errors import Unavailable, limited
from leitmotif.collection.fetch.service import BoundedAdapter
from leitmotif.collection.header_numbers import retry_after_s
from leitmotif.collection.request import Request
from leitmotif.collection.retry import retrying
from leitmotif.collection.settings import Settings
from leitmotif.shards.texts import encodable
from leitmotif.storage.errors import UserError, one_line

API_URL = "https://api.spotify.com/v1/"
TOKEN_URL = "https://accounts.spotify.com/api/token"
CLIENT_ID, CLIENT_SECRET = "SPOTIPY_CLIENT_ID", "SPOTIPY_CLIENT_SECRET"
FORMS = "spotify:playlist:ID, artist:ID, album:ID, track:ID, new-releases, tracks:WORDS, artists:WORDS"
TIMEOUT_S = 30.0
# The most that a search gives to an app in development mode.
PAGE = 10
_WORD = re.compile(r"spotify:(playlist|artist|album|track):([A-Za-z0-9]{22})|spotify:(tracks|artists):(.+)")
_PAGE = re.compile(
    r"https?://open\.spotify\.com/(?:intl-\w+/)?(playlist|artist|album|track)/([A-Za-z0-9]{22})"
)
_SHUT = (403, 404, 410)

Track = dict[str, Any]


class _Shut(Exception):  # noqa: N818 - a finding, not a failure
    """The API does not give this to the app, or has no such thing."""


@dataclass
class SpotifyChart:
    """Songs of a playlist, an artist, an album, a search or the new releases.

    Attributes:
        word: What is asked for, one of `FORMS` or the address of a page of open.spotify.com.
        settings: Bounds the number of songs, and names the country.
        api_url: Address of the service.
        token_url: Where client credentials become a token.
    """

    word: str
    settings: Settings
    api_url: str = API_URL
    token_url: str = TOKEN_URL
    _tops_shut: bool = field(default=False, init=False)

    def requests(self) -> Iterator[Request]:
        """Yield a search for each song, most wanted first as far as Spotify says.

        Raises:
            UserError: Credentials are missing or wrong, or Spotify does not give what is asked for.
            Unavailable: Network or server failed.
            HostStopped: It asks to wait for longer than a run may.
        """
        kind, what = self._asked_for()
        self._api = self._client()
        try:
            for number, track in enumerate(self._tracks(kind, what)):
                if number == self.settings.max_playlist:
                    return
                if (request := self._song(track)) is not None:
                    yield request
        except _Shut as shut:
            raise UserError(
                f"Spotify does not give {self.word!r} to this app ({shut}); an app in development mode sees "
                "no playlists of others: give spotify:artist:ID, spotify:tracks:WORDS or a CSV file"
            ) from shut

    def _asked_for(self) -> tuple[str, str]:
        if self.word == "spotify:new-releases":
            return "new-releases", ""
        found = _WORD.fullmatch(self.word) or _PAGE.match(self.word)
        if found is None:
            raise UserError(
                f"{self.word[:80]!r} is nothing of Spotify; expected {FORMS} (IDs have 22 letters)"
            )
        kind, what = (text for text in found.groups() if text)
        return kind, what

    def _client(self) -> spotipy.Spotify:
        credentials = [os.environ.get(name, "").strip() for name in (CLIENT_ID, CLIENT_SECRET)]
        if not all(credentials):
            raise UserError(
                f"Spotify wants to know the app; set the environment variables {CLIENT_ID} and "
                f"{CLIENT_SECRET} to those that https://developer.spotify.com/dashboard gives"
            )
        logging.getLogger("spotipy").setLevel(logging.CRITICAL)  # what it logs is raised as well
        session = requests.Session()
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, BoundedAdapter(self.settings, TIMEOUT_S))
        # The token is kept in memory; spotipy's default is a file in the current folder.
        options = {"requests_session": session, "requests_timeout": TIMEOUT_S}
        auth = SpotifyClientCredentials(*credentials, cache_handler=MemoryCacheHandler(), **options)
        auth.OAUTH_TOKEN_URL = self.token_url
        api = spotipy.Spotify(auth_manager=auth, **options)
        api.prefix = self.api_url
        return api

    def _tracks(self, kind: str, what: str) -> Iterator[Track]:
        api = self._api
        if kind == "playlist":
            for item in self._pages(api.playlist_items, what, additional_types=("track",)):
                yield item.get("item") or item.get("track") or {}
        elif kind == "track":
            yield self._ask(api.track, what)
        elif kind == "album":
            yield from self._pages(api.album_tracks, what)
        elif kind == "artist":
            yield from self._top_tracks(self._ask(api.artist, what))
        elif kind == "tracks":
            yield from self._search("track", what)
        elif kind == "artists":
            for artist in self._search("artist", what):
                yield from self._top_tracks(artist)
        else:
            for album in self._new_albums():
                yield from self._pages(api.album_tracks, str(album.get("id")))

    def _top_tracks(self, artist: dict[str, Any]) -> Iterator[Track]:
        """Yield an artist's hits: by the API's list, else by a search that puts them first."""
        if not self._tops_shut:
            try:
                answer = self._ask(self._api.artist_top_tracks, artist["id"], country=self.settings.country)
                yield from answer.get("tracks") or ()
                return
            except _Shut:
                self._tops_shut = True
        found = self._search("track", f'artist:"{artist.get("name", "")}"', most=PAGE)
        yield from (
            track for track in found if artist["id"] in [by.get("id") for by in track.get("artists") or ()]
        )

    def _new_albums(self) -> Iterator[dict[str, Any]]:
        try:
            yield from self._pages(self._api.new_releases, within="albums", country=self.settings.country)
        except _Shut:
            yield from self._search("album", "tag:new")

    def _search(self, kind: str, words: str, most: int | None = None) -> Iterator[dict[str, Any]]:
        options = {"type": kind, "limit": PAGE, "market": self.settings.country}
        for number, found in enumerate(self._pages(self._api.search, words, within=f"{kind}s", **options)):
            if number == most:
                return
            yield found

    def _pages(
        self, function: Callable[..., Any], *args: Any, within: str | None = None, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages of an answer."""
        answer = self._ask(function, *args, **options)
        while answer:
            page = (answer.get(within) or {}) if within else answer
            items = [item for item in page.get("items") or () if isinstance(item, dict)]
            yield from items
            answer = self._ask(self._api.next, page) if items and page.get("next") else None

    def _ask(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Ask the API, again after the waits that it asks for."""
        return retrying(self.settings)(self._once, function, *args, **options)

    def _once(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # for apps that may, these still work
                answer = function(*args, **options)
        except SpotifyOauthError as error:
            raise UserError(
                f"Spotify refuses the app ({str(error)[:200]}); check {CLIENT_ID} and {CLIENT_SECRET}"
            ) from error
        except spotipy.SpotifyException as error:
            status = int(error.http_status)
            if status == 429:
                raise limited("Spotify", status, retry_after_s(error.headers.get("Retry-After"))) from error
            if status in _SHUT:
                raise _Shut(f"it answers {status}") from error
            if status < 500:
                reason = one_line(error.msg)
                raise UserError(f"Spotify answers {status} to {self.word!r}: {reason[-200:]}") from error
            raise Unavailable(f"Spotify answers {status}") from error
        except requests.RequestException as error:
            raise Unavailable(f"Spotify: {str(error)[:300]}") from error
        if not isinstance(answer, dict):
            raise Unavailable("Spotify answers something else than an object")
        return encodable(answer)

    def _song(self, track: Track) -> Request | None:
        """Return a track as a search; None for a podcast, a local file or a track without a name."""
        artists = [by.get("name") for by in track.get("artists") or () if isinstance(by, dict)]
        name, length_ms = track.get("name"), track.get("duration_ms")
        if not artists or not artists[0] or not name or track.get("type", "track") != "track":
            return None
        isrc = (track.get("external_ids") or {}).get("isrc")
        return Request(
            artist=str(artists[0])[:300],
            title=str(name)[:300],
            duration_s=length_ms / 1000 if isinstance(length_ms, int | float) else None,
            isrc=isrc if isinstance(isrc, str) else None,
            source=self.word[:300],
        )
