"""Kept-open connections through the guard; redirects are followed one by one, and each is checked."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.cookiejar import LoadError, MozillaCookieJar
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import SplitResult, urljoin
from urllib.request import Request

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from collection.folder import SourceError
from collection.guard import Guard
from collection.refusals import CollectError, Gone, HostStopped, Refused, Unavailable
from collection.settings import MAX_WAIT_S, USER_AGENT, Settings

REDIRECTS = 10
MAX_POOLS = 64
TIMEOUT = urllib3.Timeout(connect=15.0, read=30.0)
_TRANSIENT = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_SECRET = frozenset({"cookie", "authorization"})
_HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


class Connections:
    """Asks servers over connections that are kept open and checked by a guard; used by all threads."""

    def __init__(self, settings: Settings) -> None:
        self._guard = settings.guard
        self._cookies = _read_cookies(settings.cookies) if settings.cookies else None
        self._manager = _guarded_pools(settings.guard, connections=settings.jobs)
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}

    @contextmanager
    def ask(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        before: Callable[[str], None] = lambda url: None,
    ) -> Iterator[tuple[urllib3.BaseHTTPResponse, str]]:
        """Ask for an address and follow redirects; the connection is released in the end.

        Args:
            url: What to ask for.
            headers: Sent along; cookies and the like not to other hosts.
            before: Called with each address before it is asked; what it raises ends the request.

        Yields:
            The answer, whose body is not read yet, and the address that it came from.

        Raises:
            Refused: An address is not allowed, or there are too many redirects.
            Unavailable: Network or server failed.
        """
        sent = {**_HEADERS, **(headers or {})}
        for _ in range(REDIRECTS + 1):
            parts = self._guard.check_url(url)
            before(url)
            with network_errors(url):
                answer = self._pool(parts).urlopen(
                    "GET",
                    url if self._guard.proxy else _target(parts),
                    headers=sent if self._cookies is None else sent | self._cookie_header(url),
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
                sent = {name: value for name, value in sent.items() if name.lower() not in _SECRET}
            url = following
        raise Refused(f"more than {REDIRECTS} redirects, the last to {url[:200]!r}")

    def _pool(self, parts: SplitResult) -> Any:
        """Return what keeps the connections to a host; urllib3's own way there costs more than an answer."""
        if self._guard.proxy:
            return self._manager
        origin = f"{parts.scheme}://{parts.netloc}"
        if (pool := self._pools.get(origin)) is None:
            if len(self._pools) >= MAX_POOLS:
                self._pools.clear()
            pool = self._pools[origin] = self._manager.connection_from_host(
                parts.hostname, parts.port, parts.scheme
            )
        return pool

    def _cookie_header(self, url: str) -> dict[str, str]:
        assert self._cookies is not None
        request = Request(url)
        self._cookies.add_cookie_header(request)
        cookie = request.get_header("Cookie")
        return {"Cookie": cookie} if cookie else {}


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


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

    options: dict[str, Any] = {"num_pools": MAX_POOLS, "maxsize": connections}
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
def network_errors(url: str) -> Iterator[None]:
    """Turn what urllib3 raises into `Unavailable`."""
    try:
        yield
    except exceptions.HTTPError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unavailable(f"{url[:200]}: {reason[:300]}; what came is kept") from error


def check_status(answer: urllib3.BaseHTTPResponse, url: str) -> None:
    """Let an answer with content pass.

    Raises:
        Gone: The server does not give it.
        Unavailable: It may later.
        HostStopped: It limits us for longer than a run may wait.
    """
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


def _read_cookies(path: Path) -> MozillaCookieJar:
    jar = MozillaCookieJar(path)
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError) as error:
        raise SourceError(
            f"cookies {str(path)!r} cannot be read ({error}); give a cookies.txt in Netscape format"
        ) from error
    return jar
