"""A web server for tests: files under paths, with ranges, cut connections and errors on demand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Files:
    """What is served, how, and what was asked for.

    Attributes:
        contents: Bytes by path.
        ranges: Whether ranges are served.
        cut_after: Break the connection after as many bytes, once for each entry.
        status: Answer everything with this status.
        asked: The ranges asked for, "" for a whole file.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add_repo(self, repo: str, files: dict[str, bytes], *, wrong: str | None = None) -> None:
        """Serve a repository as the Hugging Face Hub does; of one file, tell a wrong checksum."""
        listed = []
        for name, content in files.items():
            facts = {"path": name, "type": "file", "oid": "0" * 40, "size": len(content)}
            facts["rfilename"] = name
            digest = hashlib.sha256(b"other" if name == wrong else content).hexdigest()
            facts["lfs"] = {"sha256": digest, "oid": digest, "size": len(content), "pointerSize": 1}
            listed.append(facts)
            self.contents[f"/{repo}/resolve/{COMMIT}/{name}"] = content
        info = {"id": repo, "sha": COMMIT, "siblings": listed}
        for revision in (COMMIT, "main"):
            self.contents[f"/api/models/{repo}/revision/{revision}"] = json.dumps(info).encode()
        self.contents[f"/api/models/{repo}/tree/{COMMIT}"] = json.dumps(listed).encode()


@contextmanager
def serve(files: Files) -> Iterator[Files]:
    """Serve files on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            content = files.contents.get(urlsplit(self.path).path)
            status = files.status if files.status != 200 else 200 if content is not None else 404
            if status != 200 or content is None:
                self._head(status, b"{}")
                return
            asked = self.headers.get("Range", "")
            if body:
                files.asked.append(asked)
            start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked and files.ranges else 0
            if start >= len(content) and start:
                self._head(416, b"")
                return
            part = content[start:]
            extra = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
            extra |= {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
            self._head(206 if start else 200, part, extra, send=False)
            if body and files.cut_after and not self.path.startswith("/api/"):
                self.wfile.write(part[: files.cut_after.pop(0)])
                self.wfile.flush()
                self.close_connection = True
            elif body:
                self.wfile.write(part)

        def _head(
            self, status: int, part: bytes, extra: dict[str, str] | None = None, *, send: bool = True
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(part)))
            for name, value in (extra or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if send and self.command == "GET":
                self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a reader that has gone away
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    files.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
