"""A web server with good and bad manners, for the tests of collecting."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import unquote, urlsplit

import numpy as np
import soundfile


def tone(seconds: float = 0.5, *, pitch_hz: float = 440.0, rate_hz: int = 8000, form: str = "WAV") -> bytes:
    """A small sound file."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * pitch_hz * times), rate_hz, format=form)
    return file.getvalue()


@dataclass
class Page:
    """What is served under a path.

    Attributes:
        body: The bytes.
        kind: Content type.
        etag: Mark of the file; empty for none.
        ranges: Whether ranges are served.
        statuses: Answered before the body is, one a request, with the headers beside.
        location: Redirect to there.
        cut_after: Break the connection after as many bytes, one a request.
        pause_s: Sleep between pieces of the body.
        endless: Send the body again and again, without a length.
        headers: More of them.
    """

    body: bytes = b""
    kind: str = "audio/wav"
    etag: str = '"1"'
    ranges: bool = True
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    location: str = ""
    cut_after: list[int] = field(default_factory=list)
    pause_s: float = 0.0
    endless: bool = False
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class MediaServer:
    """Pages by path, and what was asked for: (path, Range) of every GET; `rules` has those of robots."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    whole: Counter[str] = field(default_factory=Counter)
    hook: Callable[[str], None] = lambda path: None
    url: str = ""
    most_at_once: int = 0
    _active: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, path: str, body: bytes | str = b"", **facts: object) -> str:
        """Serve something, and return its address."""
        content = body.encode() if isinstance(body, str) else body
        if isinstance(body, str):
            facts.setdefault("kind", "text/html")
        self.pages[unquote(path)] = Page(content, **facts)  # type: ignore[arg-type]
        return self.url + path

    def paths(self) -> list[str]:
        """Return the paths that were asked for."""
        return [path for path, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    media: MediaServer
    more: Sequence[tuple[str, str]] = ()

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def do_GET(self) -> None:
        media = self.media
        with media._lock:
            media._active += 1
            media.most_at_once = max(media.most_at_once, media._active)
        try:
            self._serve(body=True)
        finally:
            with media._lock:
                media._active -= 1

    def _serve(self, *, body: bool) -> None:
        media = self.media
        path = unquote(urlsplit(self.path).path)
        asked = self.headers.get("Range", "")
        if path in ("/robots.txt", "/.well-known/tdmrep.json"):
            media.rules.append(path)
        elif body:
            media.asked.append((path, asked))
            media.hook(path)
        page = media.pages.get(path)
        if page is None:
            return self._head(404, {"Content-Length": "0"})
        if page.statuses:
            status, headers = page.statuses.pop(0)
            return self._head(status, {"Content-Length": "0"} | headers)
        if page.location:
            return self._head(302, {"Location": page.location, "Content-Length": "0"})
        if page.endless:
            self._head(200, {"Content-Type": page.kind, "Connection": "close"})
            self.close_connection = True
            while body:
                self.wfile.write(page.body)
                time.sleep(page.pause_s)
            return None
        return self._send_file(page, path, asked, body=body)

    def _send_file(self, page: Page, path: str, asked: str, *, body: bool) -> None:
        start, content = 0, page.body
        fresh = self.headers.get("If-Range") in (None, page.etag)
        if asked and page.ranges and fresh:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start = int(first)
            if start >= len(content):
                headers = {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}
                return self._head(416, headers)
            content = content[start : int(last) + 1 if last else None]
        headers = {"Content-Type": page.kind, "Content-Length": str(len(content))}
        self.more = page.headers
        if page.etag:
            headers["ETag"] = page.etag
        if asked and page.ranges and fresh:
            headers["Content-Range"] = f"bytes {start}-{start + len(content) - 1}/{len(page.body)}"
            self._head(206, headers)
        else:
            self._head(200, headers)
        if not body:
            return None
        if page.cut_after:
            self.wfile.write(content[: page.cut_after.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return None
        step = 1024 if page.pause_s else max(len(content), 1)
        for place in range(0, len(content), step):
            self.wfile.write(content[place : place + step])
            time.sleep(page.pause_s)
        self.media.whole[path] += 1
        return None

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in [*headers.items(), *self.more]:
            self.send_header(name, value)
        self.more = []
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(media: MediaServer) -> Iterator[MediaServer]:
    """Serve on a free port of this machine."""
    handler = type("Handler", (_Handler,), {"media": media, "disable_nagle_algorithm": True})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a reader that has gone away
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    media.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield media
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
