"""One connection of the standard library's HTTP client, opened through the guard and bounded in time.

Not httpcore: its parser h11 refuses answers with malformed header lines, which servers do send, takes headers
in any number, and needs twice the processor time for a file of 4 MB.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from leitmotif.collection.bounded_socket import BoundedSocket, BoundedTls, Bounds, Deadline, encrypted
from leitmotif.collection.errors import Refused, Unavailable
from leitmotif.collection.guard import Guard
from leitmotif.collection.header_numbers import whole_number
from leitmotif.storage.errors import one_line

_SAFE = "!$%&'()*+,/:;=?@~"
_ERRORS = (OSError, http.client.HTTPException)
# Whose connections serve again. Nobody reads the body of other answers, and some servers send one where there
# should be none.
_WITH_BODY = (200, 206)


class Response(http.client.HTTPResponse):
    """What a server answers, read as it comes."""

    def __init__(self, sock: BoundedSocket | BoundedTls, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._bounds = sock.bounds

    def _read_status(self) -> tuple[str, int, str]:
        """Return the first line of the answer proper; interim answers (1xx) are passed over.

        The standard library takes 102 and 103 for whole answers, and the answer that follows for that of the
        next request.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200:
                return version, status, reason
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("it answers in another protocol (101)")
            http.client.parse_headers(self.fp)

    def begin(self) -> None:
        """Read the header; a Content-Length that is no number, or several that differ, is none."""
        super().begin()
        self._bounds.end_header()
        lengths = set(self.headers.get_all("Content-Length") or ())
        if self.length and not (len(lengths) == 1 and whole_number(*lengths) is not None):
            self.length, self.will_close = None, True
        self._has_body = bool(self.chunked or self.length)

    @property
    def spent(self) -> bool:
        """Whether a body was read to its end, so that the connection can serve again; before it is closed."""
        read = self._has_body and (self.isclosed() or self.length == 0)
        return read and not self.will_close and self.status in _WITH_BODY

    def read_chunk(self, most: int) -> bytes:
        """Return what has come, at most `size` bytes; nothing at the end.

        Raises:
            Unavailable: The connection broke before the end, or the time is over.
        """
        try:
            data = self.read1(most)
        except _ERRORS as error:
            raise Unavailable(f"{one_line(error, 300)}; what came is kept") from error
        if not data and self.length:
            raise Unavailable(f"the connection broke with {self.length} bytes to come; what came is kept")
        return data

    def read_whole(self, most: int) -> bytes:
        """Return all of the body.

        Raises:
            Unavailable: The connection broke before the end, the time is over, or there are more than `most`
            bytes.
        """
        pieces, size = [], 0
        while piece := self.read_chunk(most + 1):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise Unavailable(f"the answer has more than {most} bytes")
        return b"".join(pieces)


class _Tls(http.client.HTTPConnection):
    """A connection that is encrypted, to a host or through a proxy."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, *args: Any, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(*args, **options)
        self._context = context

    def connect(self) -> None:
        super().connect()
        tunnelled: str | None = self._tunnel_host  # type: ignore[attr-defined]
        self.sock = encrypted(self.sock, self._context, tunnelled or self.host)  # type: ignore[arg-type]


def connection_of(
    secure: bool, host: str, port: int | None, guard: Guard, context: ssl.SSLContext, deadline: Deadline
) -> http.client.HTTPConnection:
    """Return a connection that is not open yet, whose sockets the guard checks and a deadline bounds."""
    connection = _Tls(host, port, context=context) if secure else http.client.HTTPConnection(host, port)
    connection.response_class = Response
    connection._create_connection = partial(guard.connect, deadline=deadline)  # type: ignore[attr-defined]
    return connection


class Connection:
    """A connection to a host, direct or through the proxy."""

    def __init__(self, parts: SplitResult, guard: Guard, context: ssl.SSLContext, deadline: Deadline) -> None:
        """Connect.

        Raises:
            Refused: The host is not at a public address.
            Unavailable: It does not answer.
        """
        host, secure = str(parts.hostname), parts.scheme.lower() == "https"
        port = parts.port or (443 if secure else 80)
        self._plain_proxy = bool(guard.proxy) and not secure
        proxy = urlsplit(guard.proxy) if guard.proxy else None
        place = (str(proxy.hostname), proxy.port or 80) if proxy else (host, port)
        self._connection = connection_of(secure, *place, guard, context, deadline)
        if proxy and secure:
            self._connection.set_tunnel(host, port)
        try:
            self._connection.connect()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, UnicodeError):
                raise Refused(f"{host[:200]!r} is not the name of a host ({error})") from error
            if isinstance(error, _ERRORS):
                raise Unavailable(f"{host[:200]}: {one_line(error, 300)}") from error
            raise
        self._socket: BoundedSocket | BoundedTls = self._connection.sock  # type: ignore[assignment]
        self._connection.auto_open = 0  # it would open another one, without this request's deadline

    def ask(
        self,
        parts: SplitResult,
        headers: Mapping[str, str],
        deadline: Deadline,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Response:
        """Send a request and return the answer, whose body is not read yet.

        Raises:
            OSError, HTTPException: The connection broke.
            Unavailable: The time is over, or its header is too long.
            Refused: A header cannot be sent.
        """
        path = quote(parts.path or "/", safe=_SAFE) + (
            f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
        )
        host = parts.netloc.rpartition("@")[2]
        if not host.isascii():
            host = host.encode("idna").decode()
        target = f"{parts.scheme}://{host}{path}" if self._plain_proxy else path
        self._socket.bounds = Bounds(deadline)
        try:
            self._connection.request(method, target, body, {"Host": host, **headers})
        except ValueError as error:
            raise Refused(
                f"the address or a header holds control characters ({one_line(error, 300)})"
            ) from error
        answer = self._connection.getresponse()
        assert isinstance(answer, Response)
        return answer

    def is_quiet(self) -> bool:
        """Tell whether nothing came over it since the last answer: no rest of that, and not its end."""
        return self._socket.is_quiet()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
