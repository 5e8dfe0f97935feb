"""Which song a file holds, by Shazam's catalogue; a fingerprint of twelve seconds is all that is sent.

Reference:
    https://github.com/shazamio/ShazamIO, a client of an interface that Shazam does not document.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import shazamio
from aiohttp_retry import ExponentialRetry
from shazamio.client import HTTPClient
from shazamio_core import SignatureError

from leitmotif.collection.errors import Unavailable, limited
from leitmotif.collection.header_numbers import retry_after_s
from leitmotif.collection.metadata import Metadata
from leitmotif.collection.settings import Settings
from leitmotif.media.audio import extract_flac
from leitmotif.media.errors import MediaError
from leitmotif.media.probe import probe
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.storage.atomic import temporary_folder

URL = "https://amp.shazam.com"
# As long as Shazam's own clients listen; longer ones are answered by nothing.
WINDOW_S = 12.0
# Nobody says how often one may ask; this is slower than a person with a phone.
PAUSE_S = 2.0
DECODE_LIMIT_S = 120.0
TIMEOUT_S = 30.0
# The longest answers have some 50 kB.
_MAX_BYTES = 8 << 20
_TEXT = 300


class Shazam:
    """Recognises files, one after the other."""

    def __init__(self, settings: Settings, *, url: str = URL, pause_s: float = PAUSE_S) -> None:
        """Open nothing yet.

        Args:
            settings: Settings of the run, whose proxy is used.
            url: Address of the service.
            pause_s: Least time between two questions.
        """
        self._proxy, self._pause_s = settings.guard.proxy, pause_s
        self._loop = asyncio.Runner()
        self._client = _Client(url)
        self._shazam = shazamio.Shazam(http_client=self._client, segment_duration_seconds=round(WINDOW_S))
        self._decoder = SandboxedWorker()
        self._opened = ExitStack()
        # All that the decoder writes to.
        self._folder = self._opened.enter_context(temporary_folder("shazam"))
        self._asked_s = -pause_s

    def look_up(self, file: Path, metadata: Metadata) -> dict[str, Any] | None:
        """Return title, artist, album, genre, ISRC and Shazam's key of the song in the middle of a file.

        Raises:
            Unavailable: Network or server failed, or asks to wait.
            HostStopped: It asks to wait for longer than a run may.
        """
        window = self._folder / "window.flac"
        try:
            length_s = self._decoder.run(probe, file, limit_s=DECODE_LIMIT_S).duration_s
            start_s = max((length_s - WINDOW_S) / 2, 0.0)
            place = {"start_s": start_s, "duration_s": min(WINDOW_S, length_s - start_s)}
            self._decoder.run(
                extract_flac, file, window, **place, limit_s=DECODE_LIMIT_S, writes=window.parent
            )
        except MediaError:
            return None  # without sound there is no song
        time.sleep(max(self._asked_s + self._pause_s - time.monotonic(), 0.0))
        self._asked_s = time.monotonic()
        answer = self._loop.run(self._recognised(window))
        track = answer.get("track")
        return _facts(track) if isinstance(track, dict) else None

    def close(self) -> None:
        """Let connections and the decoding process go."""
        self._loop.run(self._client.close())
        self._loop.close()
        self._decoder.close()
        self._opened.close()

    async def _recognised(self, window: Path) -> dict[str, Any]:
        try:
            answer = await self._shazam.recognize(window, proxy=self._proxy)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"Shazam: {str(error) or type(error).__name__}"[:300]) from error
        except SignatureError:
            return {}  # nothing to hear in it
        except (ValueError, RecursionError) as error:
            self._client.check()
            raise Unavailable(f"Shazam answers something else than JSON ({str(error)[:200]})") from error
        self._client.check()
        if not isinstance(answer, dict):
            raise Unavailable("Shazam answers something else than an object")
        return answer


class _Client(HTTPClient):
    """shazamio's client without its own retries, which do not heed Retry-After."""

    def __init__(self, url: str) -> None:
        super().__init__(retry_options=ExponentialRetry(attempts=1))
        self._url = url
        self._status, self._wait = 200, ""
        self.trace_config.on_request_end.append(self._note)

    async def request(self, method: str, url: str, **options: Any) -> Any:
        """Return the JSON of an answer, of which no more than `_MAX_BYTES` are read, unpacked."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        client, content = self._ensure_client(), bytearray()
        async with client.request(method, url.replace(URL, self._url), timeout=timeout, **options) as answer:
            async for piece in answer.content.iter_any():
                content += piece
                if len(content) > _MAX_BYTES:
                    raise Unavailable(f"Shazam answers with more than {_MAX_BYTES} bytes")
        return json.loads(content)

    async def _note(self, _session: Any, _context: Any, ended: aiohttp.TraceRequestEndParams) -> None:
        self._status, self._wait = ended.response.status, ended.response.headers.get("Retry-After", "")

    def check(self) -> None:
        """Raise what the last answer's status means, if it is an error."""
        wait_s = retry_after_s(self._wait)
        if self._status == 429 or (self._status == 503 and wait_s is not None):
            raise limited("Shazam", self._status, wait_s)
        if self._status >= 400:
            raise Unavailable(f"Shazam answers {self._status}")


def _facts(track: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is kept of a track: plain texts, bounded."""
    sections = [part for part in track.get("sections") or () if isinstance(part, dict)]
    rows = [row for part in sections for row in part.get("metadata") or () if isinstance(row, dict)]
    said = {str(row.get("title")).casefold(): row.get("text") for row in rows}
    genres = track.get("genres")
    facts = {
        "title": track.get("title"),
        "artist": track.get("subtitle"),
        "album": said.get("album"),
        "label": said.get("label"),
        "released": said.get("released"),
        "genre": genres.get("primary") if isinstance(genres, dict) else None,
        "isrc": track.get("isrc"),
        "shazam_key": track.get("key"),
    }
    kept = {name: text[:_TEXT] for name, text in facts.items() if isinstance(text, str) and text}
    return kept if "title" in kept else None
