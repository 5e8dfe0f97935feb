"""HTTP/1.1 over one connection, as far as files need it; general clients cost more than a small file."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from collection.guard import Guard
from collection.refusals import Refused, Unavailable

CONNECT_S, READ_S = 15.0, 30.0
# Of the headers of one answer, and of one line of them.
_MAX_HEADERS, _MAX_LINE = 200, 1 << 16
_SAFE = "!$%&'()*+,/:;=?@~"
_BROKEN = re.compile(r"[\x00-\x1f\x7f]")
_ERRORS = (OSError, http.client.HTTPException)


class Headers:
    """The headers of an answer; names in any case."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in lines:
            self._values.setdefault(name.lower(), []).append(value)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header's value; where it occurs again, all of them with commas between."""
        values = self._values.get(name.lower())
        return ", ".join(values) if values else default

    def get_all(self, name: str) -> list[str]:
        """Return each value of a header."""
        return self._values.get(name.lower(), [])


class Answer(http.client.HTTPResponse):
    """What a server answers; its headers are split, not parsed as mail."""

    headers: Headers  # type: ignore[assignment]

    def begin(self) -> None:
        """Read status and headers."""
        status = http.client.CONTINUE
        while status == http.client.CONTINUE:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]
            headers = self._read_headers()
        self.status = self.code = status
        self.reason = reason.strip()
        self.version = 11 if version.startswith("HTTP/1.") and version != "HTTP/1.0" else 10
        self.headers = headers
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left: int | None = None
        self.will_close = self._check_close()  # type: ignore[attr-defined]
        length = headers.get("content-length", "")
        self.length = int(length) if length.isdigit() and not self.chunked else None
        if status in (http.client.NO_CONTENT, http.client.NOT_MODIFIED):
            self.length = 0
        if self.length is None and not self.chunked:
            self.will_close = True

    def _read_headers(self) -> Headers:
        lines: list[tuple[str, str]] = []
        while (line := self.fp.readline(_MAX_LINE + 1)) not in (b"\r\n", b"\n", b""):
            if len(line) > _MAX_LINE or len(lines) == _MAX_HEADERS:
                raise http.client.HTTPException("the answer has too many or too long headers")
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                lines.append((name.strip(), value.strip()))
        return Headers(lines)

    @property
    def spent(self) -> bool:
        """Whether all of it was read, so that the connection can serve again."""
        return not self.will_close and (self.length == 0 or self.isclosed())

    def piece(self, most: int) -> bytes:
        """Return what has come, at most so many bytes; nothing at the end.

        Raises:
            Unavailable: The connection broke before the end.
        """
        try:
            data = self.read1(most)
        except _ERRORS as error:
            raise Unavailable(f"{_said(error)}; what came is kept") from error
        if not data and self.length:
            raise Unavailable(f"the connection broke with {self.length} bytes to come; what came is kept")
        return data


class Wire:
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
        self._connection._create_connection = guard.connect  # type: ignore[attr-defined]
        try:
            self._connection.connect()
        except UnicodeError as error:
            raise Refused(f"{host[:200]!r} is not the name of a host ({error})") from error
        except _ERRORS as error:
            raise Unavailable(f"{host[:200]}: {_said(error)}") from error
        self._connection.sock.settimeout(READ_S)

    def ask(self, parts: SplitResult, headers: Mapping[str, str]) -> Answer:
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
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *(f"{k}: {v}" for k, v in headers.items())]
        if any(map(_BROKEN.search, lines)):
            raise Refused("the address or a header holds control characters")
        self._connection.sock.sendall("\r\n".join([*lines, "\r\n"]).encode("latin-1", errors="replace"))
        answer = Answer(self._connection.sock, method="GET")
        try:
            answer.begin()
        except BaseException:
            answer.close()
            raise
        return answer

    def close(self) -> None:
        """Let it go."""
        self._connection.close()


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
