"""Kept-open connections through the guard; redirects are followed one by one, and each is checked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from http.cookiejar import LoadError, MozillaCookieJar
from pathlib import Path
from urllib.parse import SplitResult, urljoin
from urllib.request import Request

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import Gone, Refused, Unavailable, limited
from leitmotif.collection.fetch.connection import Connection, Response
from leitmotif.collection.header_numbers import retry_after_s
from leitmotif.collection.settings import USER_AGENT, Settings
from leitmotif.shards.addresses import without_user
from leitmotif.storage.errors import UserError, one_line

REDIRECTS = 10
# Whose connections are kept open.
MAX_HOSTS = 64
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRANSIENT = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_SECRET = frozenset({"cookie", "authorization"})
_HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


class Connections:
    """Asks servers over connections that are kept open and checked by a guard; used by all threads."""

    def __init__(self, settings: Settings) -> None:
        self._guard = settings.guard
        self._cookies = _read_cookies(settings.cookies) if settings.cookies else None
        self._context = ssl.create_default_context()
        self._idle: dict[str, list[Connection]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def ask(
        self,
        url: str,
        deadline: Deadline,
        *,
        headers: Mapping[str, str] | None = None,
        before: Callable[[str], None] = lambda url: None,
        alone: bool = False,
    ) -> Iterator[tuple[Response, str]]:
        """Ask for an address and follow redirects; the connection is released in the end.

        Args:
            url: What to ask for.
            deadline: When all of it, redirects and body included, must have ended.
            headers: Sent along; cookies and the like not to other hosts.
            before: Called with each address before it is asked; what it raises ends the request.
            alone: Whether to ask over connections that serve nothing else, so that what a server sends beyond
                the lengths that it states is not taken for this answer.

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
            headers = sent if self._cookies is None else sent | self._cookie_header(url)
            connection, answer = self._asked(parts, headers, deadline, alone)
            try:
                target = answer.headers.get("Location") if answer.status in _REDIRECTS else None
                if not target:
                    yield answer, url
                    return
            finally:
                # A body that was not read to its end would be taken for the next answer. (An answer that is
                # closed looks as if it had been read.)
                spent = answer.spent and not alone
                answer.close()
                if spent:
                    self._keep(parts, connection)
                else:
                    connection.close()
            try:
                following = without_user(urljoin(url, target))
            except ValueError as error:
                raise Refused(
                    f"{url[:200]} leads to {target[:200]!r}, which is no address ({error})"
                ) from error
            if self._guard.check_url(following).hostname != parts.hostname:
                sent = {name: value for name, value in sent.items() if name.lower() not in _SECRET}
            url = following
        raise Refused(f"more than {REDIRECTS} redirects, the last to {url[:200]!r}")

    def close(self) -> None:
        """Close what is kept open."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _asked(
        self, parts: SplitResult, headers: Mapping[str, str], deadline: Deadline, alone: bool
    ) -> tuple[Connection, Response]:
        """Ask over a connection that is kept open, else over a new one."""
        connection = None if alone else self._kept(parts)
        kept = connection is not None
        if connection is None:
            connection = Connection(parts, self._guard, self._context, deadline)
        try:
            return connection, connection.ask(parts, headers, deadline)
        except BaseException as error:
            connection.close()
            if kept and isinstance(error, ConnectionError):
                return self._asked(parts, headers, deadline, alone)  # the server had closed it meanwhile
            if not isinstance(error, OSError | HTTPException):
                raise
            raise Unavailable(f"{parts.geturl()[:200]}: {one_line(error, 300)}; what came is kept") from error

    def _kept(self, parts: SplitResult) -> Connection | None:
        """Return a connection that is kept open, unless something came over it that was no answer."""
        while True:
            try:
                connection = self._idle[_origin(parts)].pop()
            except (KeyError, IndexError):
                return None
            if connection.is_quiet():
                return connection
            connection.close()

    def _keep(self, parts: SplitResult, connection: Connection) -> None:
        """Keep a connection open for the next request to its host; only a few hosts' are kept."""
        with self._lock:
            self._idle.setdefault(_origin(parts), []).append(connection)
            left = self._idle.pop(next(iter(self._idle))) if len(self._idle) > MAX_HOSTS else []
        for old in left:
            old.close()

    def _cookie_header(self, url: str) -> dict[str, str]:
        assert self._cookies is not None
        request = Request(url)
        self._cookies.add_cookie_header(request)
        cookie = request.get_header("Cookie")
        return {"Cookie": cookie} if cookie else {}


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def check_status(answer: Response, url: str) -> None:
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


def _read_cookies(path: Path) -> MozillaCookieJar:
    jar = MozillaCookieJar(path)
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError) as error:
        raise UserError(
            f"cookies {str(path)!r} cannot be read ({one_line(error)}); give a cookies.txt in Netscape format"
        ) from error
    return jar
