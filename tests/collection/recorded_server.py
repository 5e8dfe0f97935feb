"""A server that answers as Spotify, Shazam and MusicBrainz do, from the files in `recorded/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FOLDER = Path(__file__).with_name("recorded")


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Recorded:
    """Files of `recorded/` by the beginning of the path, and (status, headers) answered before them."""

    answers: dict[str, str] = field(default_factory=dict)
    before: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    url: str = ""

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorded: Recorded

    def do_GET(self) -> None:
        recorded, parts = self.recorded, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
        recorded.asked.append(asked)
        if recorded.before and parts.path != "/api/token":
            status, headers = recorded.before.pop(0)
            return self._send(status, headers, b"")
        known = [] if parts.path in recorded.shut else recorded.answers
        best = max((start for start in known if self.path.startswith(start)), key=len, default="")
        if not best:
            return self._send(404, {}, b'{"error": {"status": 404, "message": "Not found."}}')
        name = recorded.answers[best]
        text = (FOLDER / name).read_text(encoding="utf-8").replace("https://api.spotify.com", recorded.url)
        kind = "application/xml" if name.endswith(".xml") else "application/json"
        return self._send(200, {"Content-Type": f"{kind}; charset=utf-8"}, text.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def replay(answers: dict[str, str]) -> Iterator[Recorded]:
    """Serve on a free port of this machine."""
    recorded = Recorded(answers)
    handler = type("Handler", (_Handler,), {"recorded": recorded, "disable_nagle_algorithm": True})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    recorded.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield recorded
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))
