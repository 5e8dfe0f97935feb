"""One connection of the standard library's HTTP client, opened through the guard.

Not httpcore: its parser h11 refuses answers with malformed header lines, which servers do send, takes headers
in any number, and needs twice the processor time for a file of 4 MB.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urlsplit

from leitmotif.collection.errors import Refused, Unavailable
from leitmotif.collection.guard import Guard
from leitmotif.storage.errors import one_line

CONNECT_S, READ_S = 15.0, 30.0
_SAFE = "!$%&'()*+,/:;=?@~"
_ERRORS = (OSError, http.client.HTTPException)


class Response(http.client.HTTPResponse):
    """What a server answers, read as it comes."""

    @property
    def spent(self) -> bool:
        """Whether all of it was read, so that the connection can serve again."""
        return not self.will_close and (self.length == 0 or self.isclosed())

    def read_chunk(self, most: int) -> bytes:
        """Return what has come, at most `size` bytes; nothing at the end.

        Raises:
            Unavailable: The connection broke before the end.
        """
        try:
            data = self.read1(most)
        except _ERRORS as error:
            raise Unavailable(f"{one_line(error, 300)}; what came is kept") from error
        if not data and self.length:
            raise Unavailable(f"the connection broke with {self.length} bytes to come; what came is kept")
        return data


class Connection:
    """A connection to a host, direct or through the proxy."""

    def __init__(self, parts: SplitResult, guard: Guard, context: ssl.SSLContext) -> None:
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
        self._connection = (
            http.client.HTTPSConnection(*place, timeout=CONNECT_S, context=context)
            if secure
            else http.client.HTTPConnection(*place, timeout=CONNECT_S)
        )
        if proxy and secure:
            self._connection.set_tunnel(host, port)
        self._connection.response_class = Response
        self._connection._create_connection = guard.connect  # type: ignore[attr-defined]
        try:
            self._connection.connect()
        except UnicodeError as error:
            raise Refused(f"{host[:200]!r} is not the name of a host ({error})") from error
        except _ERRORS as error:
            raise Unavailable(f"{host[:200]}: {one_line(error, 300)}") from error
        self._connection.sock.settimeout(READ_S)
        self._connection.auto_open = 0  # it would open another one without READ_S

    def ask(self, parts: SplitResult, headers: Mapping[str, str]) -> Response:
        """Send a request and return the answer, whose body is not read yet.

        Raises:
            OSError, HTTPException: The connection broke.
            Refused: A header cannot be sent.
        """
        path = quote(parts.path or "/", safe=_SAFE) + (
            f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
        )
        host = parts.netloc.rpartition("@")[2]
        if not host.isascii():
            host = host.encode("idna").decode()
        target = f"{parts.scheme}://{host}{path}" if self._plain_proxy else path
        try:
            self._connection.request("GET", target, headers={"Host": host, **headers})
        except ValueError as error:
            raise Refused(
                f"the address or a header holds control characters ({one_line(error, 300)})"
            ) from error
        answer = self._connection.getresponse()
        assert isinstance(answer, Response)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
