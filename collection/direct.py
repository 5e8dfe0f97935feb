"""Fetch a media file from its own address: resumed by range, checked while it streams."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import LoadError, MozillaCookieJar
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from collection.budget import Meter
from collection.folder import SourceError
from collection.guard import Guard
from collection.refusals import CollectError, Gone, HostStopped, Refused, Unavailable
from collection.settings import MAX_WAIT_S, USER_AGENT, Settings

REDIRECTS = 10
CHUNK_BYTES = 1 << 18
TIMEOUT = urllib3.Timeout(connect=15.0, read=30.0)
# Beside video/* and audio/*: what servers say of files whose kind they do not know.
_MEDIA_TYPES = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/ogg", "application/mp4"}
    | {"application/x-matroska", "application/force-download", "application/x-flac"}
)
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_TRANSIENT = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class IsPage(Exception):  # noqa: N818 - a finding, not a failure
    """A web page came where a media file might have been; yt-dlp may know it."""


@dataclass(frozen=True)
class Got:
    """A file that came whole.

    Attributes:
        url: Where it came from in the end.
        content_type: What the server says that it is.
        resumed: Bytes that had come before.
    """

    url: str
    content_type: str
    resumed: int


class DirectFetcher:
    """Fetches files over connections that are kept open and checked by a guard; used by all threads."""

    def __init__(self, settings: Settings) -> None:
        self._guard = settings.guard
        self._most_bytes = settings.max_file_bytes
        self._cookies = _read_cookies(settings.cookies) if settings.cookies else None
        self._pools = _guarded_pools(settings.guard, connections=settings.jobs)

    def fetch(self, url: str, part: Path, meter: Meter, *, headers: Mapping[str, str] | None = None) -> Got:
        """Fetch what is missing of a file.

        A part of it that is there is resumed if the server still has the same file, by its ETag or date;
        otherwise it is fetched anew.

        Args:
            url: Address of the file.
            part: Where it goes; kept when the connection breaks.
            meter: Told of every piece.
            headers: Sent along.

        Returns:
            Where it came from.

        Raises:
            IsPage: It is a web page.
            Refused: Address, kind or size are not allowed.
            Gone: The server does not give it.
            Unavailable: Network or server failed.
            HostStopped: The server limits us for longer than a run may wait.
            RunStopped: The run is over.
        """
        note = part.with_suffix(".json")
        start, validator = _resumable(part, note)
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}
        if start:
            sent |= {"Range": f"bytes={start}-", "If-Range": validator}
        with self._answer(url, sent) as (answer, final):
            if answer.status == 416 and start:
                if answer.headers.get("Content-Range", "").endswith(f"*/{start}"):
                    return Got(final, "", start)
                part.unlink()
                raise Unavailable("the file has changed at the server; it is fetched anew")
            _check_status(answer, final)
            content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            _check_type(content_type, final)
            start = start if _continues(answer, start) else 0
            self._check_size(answer, start)
            _note_validator(note, answer)
            with _network_errors(final), part.open("ab" if start else "wb") as file:
                meter.bytes = start
                # As it comes: a drip must not wait until a chunk is full.
                while piece := answer.read1(CHUNK_BYTES, decode_content=False):
                    file.write(piece)
                    meter.count(len(piece))
            return Got(final, content_type, start)

    @contextmanager
    def _answer(self, url: str, headers: dict[str, str]) -> Iterator[tuple[urllib3.BaseHTTPResponse, str]]:
        """Ask, follow redirects (each is checked), and release the connection in the end."""
        for _ in range(REDIRECTS + 1):
            parts = self._guard.check_url(url)
            sent = headers | self._cookie_header(url)
            with _network_errors(url):
                answer = self._pools.request(
                    "GET",
                    url,
                    headers=sent,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    timeout=TIMEOUT,
                )
            whole = False
            try:
                target = answer.get_redirect_location()
                if not target:
                    yield answer, url
                    whole = True
                    return
            finally:
                # A body that was not read to its end would be taken for the next answer.
                (answer.release_conn if whole else answer.close)()
            following = urljoin(url, target)
            if self._guard.check_url(following).hostname != parts.hostname:
                headers = {name: value for name, value in headers.items() if name.lower() not in _SECRET}
            url = following
        raise Refused(f"more than {REDIRECTS} redirects, the last to {url[:200]!r}")

    def _cookie_header(self, url: str) -> dict[str, str]:
        if self._cookies is None:
            return {}
        request = Request(url)
        self._cookies.add_cookie_header(request)
        cookie = request.get_header("Cookie")
        return {"Cookie": cookie} if cookie else {}

    def _check_size(self, answer: urllib3.BaseHTTPResponse, start: int) -> None:
        length = answer.headers.get("Content-Length", "")
        if length.isdigit() and start + int(length) > self._most_bytes:
            raise Refused(
                f"the file has {start + int(length)} bytes; the limit is {self._most_bytes} (--max-file-size)"
            )


_SECRET = frozenset({"cookie", "authorization"})


def _guarded_pools(guard: Guard, *, connections: int) -> urllib3.PoolManager:
    """Return connection pools whose sockets connect through the guard."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, guard)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, guard)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    options: dict[str, Any] = {"num_pools": 64, "maxsize": connections}
    pools = urllib3.ProxyManager(guard.proxy, **options) if guard.proxy else urllib3.PoolManager(**options)
    pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pools


def _connected(connection: Any, guard: Guard) -> socket.socket:
    # The host that is connected to: the proxy, where there is one.
    address = (connection._dns_host, connection.port)
    try:
        return guard.connect(address, connection.timeout, connection.source_address)
    except socket.gaierror as error:
        raise exceptions.NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise exceptions.ConnectTimeoutError(connection, f"{address[0]} does not answer") from error
    except OSError as error:
        raise exceptions.NewConnectionError(connection, str(error)) from error


@contextmanager
def _network_errors(url: str) -> Iterator[None]:
    try:
        yield
    except exceptions.HTTPError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unavailable(f"{url[:200]}: {reason[:300]}; what came is kept") from error


def _check_status(answer: urllib3.BaseHTTPResponse, url: str) -> None:
    status = answer.status
    if status in (200, 206):
        return
    wait_s = retry_after_s(answer.headers.get("Retry-After"))
    if status == 429 or (status == 503 and wait_s is not None):
        raise limited(url, status, wait_s)
    if status in _TRANSIENT or status >= 500:
        raise Unavailable(f"{url[:200]} answers {status} {answer.reason or ''}".rstrip())
    raise Gone(f"{url[:200]} answers {status} {answer.reason or ''}".rstrip())


def limited(url: str, status: int, wait_s: float | None) -> CollectError:
    """Return what a server means that asks for less: a wait, or an end where the wait is too long."""
    if wait_s is not None and wait_s > MAX_WAIT_S:
        return HostStopped(f"{url[:200]} answers {status} and asks to wait {wait_s:.0f} s")
    return Unavailable(f"{url[:200]} answers {status}: too many requests", wait_s=wait_s or 0.0)


def retry_after_s(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), None where there is none."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time(), 0.0)
    except ValueError:
        return None


def _check_type(content_type: str, url: str) -> None:
    if content_type in _PAGE_TYPES:
        raise IsPage(url)
    if content_type.partition("/")[0] not in ("video", "audio") and content_type not in _MEDIA_TYPES:
        raise Refused(f"{url[:200]} is {content_type!r}; expected a video or audio file")


def _resumable(part: Path, note: Path) -> tuple[int, str]:
    """Return the bytes that are there and the mark of the file they belong to; (0, "") to start over."""
    try:
        start, validator = part.stat().st_size, str(json.loads(note.read_text())["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""
    return (start, validator) if start and validator else (0, "")


def _note_validator(note: Path, answer: urllib3.BaseHTTPResponse) -> None:
    etag = answer.headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")
    if validator:
        note.write_text(json.dumps({"validator": validator}))
    else:
        note.unlink(missing_ok=True)


def _continues(answer: urllib3.BaseHTTPResponse, start: int) -> bool:
    if answer.status != 206:
        return False
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    if start and found and int(found[1]) == start:
        return True
    raise Unavailable("the server sent another part of the file than was asked for")


def _read_cookies(path: Path) -> MozillaCookieJar:
    jar = MozillaCookieJar(path)
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError) as error:
        raise SourceError(
            f"cookies {str(path)!r} cannot be read ({error}); give a cookies.txt in Netscape format"
        ) from error
    return jar
