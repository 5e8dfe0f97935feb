"""Which recording a file holds, by MusicBrainz: its id, ISRCs, artists' ids, first release and tags.

Reference:
    https://musicbrainz.org/doc/MusicBrainz_API (one request a second; a contact in the user agent)
"""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import musicbrainzngs
import musicbrainzngs.musicbrainz

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import Unavailable, limited
from leitmotif.collection.fetch.connections import Connections
from leitmotif.collection.fetch.service import to_service
from leitmotif.collection.header_numbers import retry_after_s
from leitmotif.collection.match import names_artist, same_title
from leitmotif.collection.metadata import Metadata
from leitmotif.collection.settings import Settings
from leitmotif.storage.errors import UserError

URL = "https://musicbrainz.org"
CONTACT = "LEITMOTIF_CONTACT"
INTERVAL_S = 1.0  # https://musicbrainz.org/doc/MusicBrainz_API/Rate_Limiting: one request a second
TIMEOUT_S = 30.0
# Of MusicBrainz's own score, 0 to 100, how well a search fits.
LEAST_SCORE = 85
# A music video may have an opening and an ending that the recording has not.
SHORTER_S, LONGER_S = 15.0, 90.0
MAX_TAGS, MAX_LIST, _TEXT, _MAX_BYTES = 10, 20, 300, 8 << 20
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")
# What titles of videos say beside the song's name.
_BESIDE = re.compile(
    r"[(\[{][^)\]}]*\b(?:official|video|audio|lyrics?|visuali[sz]er|clip|hd|4k|mv)\b[^)\]}]*[)\]}]", re.I
)


class MusicBrainz:
    """Looks recordings up by ISRC, else by artist and title, at the pace that the server asks for."""

    def __init__(self, settings: Settings, *, url: str = URL, interval_s: float = INTERVAL_S) -> None:
        """Set the client library up, which knows one server at a time.

        Args:
            settings: Settings of the run, whose proxy is used.
            url: Address of the server.
            interval_s: Least time between two requests.

        Raises:
            UserError: Nobody is named whom the server could ask.
        """
        contact = os.environ.get(CONTACT, "").strip()
        if not contact:
            raise UserError(
                "MusicBrainz wants to know whom to ask about a client; set the environment variable "
                f"{CONTACT} to your e-mail address or page"
            )
        parts = urlsplit(url)
        musicbrainzngs.set_useragent("leitmotif", version("leitmotif-av"), contact)
        musicbrainzngs.set_hostname(parts.netloc, use_https=parts.scheme == "https")
        musicbrainzngs.set_rate_limit(False)  # its waits are right for one request a second only
        self._interval_s, self._asked_s = interval_s, -interval_s
        # In place of its retries, which heed no Retry-After, have no time limit and use any proxy around.
        musicbrainzngs.musicbrainz._safe_read = partial(_read, Connections(to_service(settings, url)))

    def look_up(self, file: Path, metadata: Metadata) -> dict[str, Any] | None:
        """Return the recording that a file's ISRC names, else the one of its artist and title.

        Raises:
            Unavailable: Network or server failed, or asks to wait.
            HostStopped: It asks to wait for longer than a run may.
        """
        isrc = (metadata.isrc or "").replace("-", "").upper()
        artist, title = _song(metadata)
        found = self._by_isrc(isrc, title) if _ISRC.fullmatch(isrc) else None
        by = "isrc"
        if found is None and artist and title:
            found, by = self._by_name(artist, title, metadata.duration_s), "name"
        if found is None:
            return None
        includes = ["artists", "isrcs", "releases", "tags"]
        whole = self._answer(musicbrainzngs.get_recording_by_id, found["id"], includes=includes)
        return None if whole is None else _facts(whole["recording"]) | {"by": by}

    def close(self) -> None:
        """Nothing is open."""

    def _answer(
        self, function: Callable[..., dict[str, Any]], *args: Any, **options: Any
    ) -> dict[str, Any] | None:
        """Return what the server says; None where it does not know what is asked for."""
        time.sleep(max(self._asked_s + self._interval_s - time.monotonic(), 0.0))
        self._asked_s = time.monotonic()
        try:
            return function(*args, **options)
        except musicbrainzngs.ResponseError as error:
            if isinstance(error.cause, urllib.error.HTTPError):
                return None
            raise Unavailable(f"MusicBrainz answers something that cannot be read ({error})"[:300]) from error

    def _by_isrc(self, isrc: str, title: str) -> dict[str, Any] | None:
        answer = self._answer(musicbrainzngs.get_recordings_by_isrc, isrc, includes=["artists"])
        found = [] if answer is None else answer["isrc"].get("recording-list", [])
        same = [recording for recording in found if same_title(recording.get("title", ""), title)]
        return next(iter(same or found), None)

    def _by_name(self, artist: str, title: str, duration_s: float | None) -> dict[str, Any] | None:
        answer = self._answer(musicbrainzngs.search_recordings, recording=title, artist=artist, limit=5)
        for recording in [] if answer is None else answer["recording-list"]:
            length_s = int(recording.get("length") or 0) / 1000
            off = duration_s and length_s and not -SHORTER_S <= duration_s - length_s <= LONGER_S
            fits = (
                int(recording.get("ext:score") or 0) >= LEAST_SCORE
                and same_title(recording.get("title", ""), title)
                and names_artist(recording.get("artist-credit-phrase", ""), artist)
            )
            if fits and not off:
                return dict(recording)
        return None


def _song(metadata: Metadata) -> tuple[str, str]:
    """Return artist and title of the song; titles of videos hold both, and more."""
    artist, title = metadata.artist or "", _BESIDE.sub(" ", metadata.title or "")
    before, dash, after = title.partition(" - ")
    if dash and after.strip():
        artist, title = before.strip(), after
    return artist[:_TEXT], " ".join(title.split())[:_TEXT]


def _read(
    connections: Connections, _opener: object, request: urllib.request.Request, body: object = None
) -> bytes:
    """Send a request once, in place of `musicbrainzngs.musicbrainz._safe_read`."""
    url = request.get_full_url()
    headers = {name.title(): value for name, value in request.header_items()}
    with connections.ask(url, Deadline(TIMEOUT_S), headers=headers, alone=True) as (answer, _):
        wait_s = retry_after_s(answer.headers.get("Retry-After"))
        # It says 503 to whoever asks too often.
        if answer.status in (429, 503):
            raise limited("MusicBrainz", answer.status, wait_s)
        if answer.status in (400, 404):
            error = urllib.error.HTTPError(url, answer.status, answer.reason, answer.headers, None)
            raise musicbrainzngs.ResponseError(cause=error)
        if answer.status >= 400:
            raise Unavailable(f"MusicBrainz answers {answer.status}")
        return answer.read_whole(_MAX_BYTES)


def _facts(recording: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a recording: plain texts, bounded."""
    credits = [part["artist"] for part in recording.get("artist-credit", ()) if isinstance(part, dict)]
    dates = [release.get("date", "") for release in recording.get("release-list", ())]
    tags = sorted(recording.get("tag-list", ()), key=lambda tag: -int(tag.get("count") or 0))
    facts = {
        "recording_id": recording["id"],
        "title": recording.get("title", "")[:_TEXT],
        "artist": recording.get("artist-credit-phrase", "")[:_TEXT],
        "artist_ids": [artist["id"] for artist in credits if "id" in artist][:MAX_LIST],
        "isrcs": list(recording.get("isrc-list", ()))[:MAX_LIST],
        "released": min((date for date in dates if re.match(r"\d{4}", date)), default=""),
        "length_s": int(recording["length"]) / 1000 if recording.get("length") else None,
        "tags": [tag["name"][:_TEXT] for tag in tags if tag.get("name")][:MAX_TAGS],
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [])}
