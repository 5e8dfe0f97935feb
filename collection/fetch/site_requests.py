"""yt-dlp's requests, held to our rules: guarded sockets, bounded bodies, no file, ftp or data addresses."""

from __future__ import annotations

import http.client
import io
import urllib.error
import urllib.request
import urllib.response
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from functools import partial
from typing import Any

from yt_dlp.networking._urllib import HTTPHandler, ProxyHandler, RedirectHandler, UrllibRH
from yt_dlp.networking.exceptions import RequestError

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import CollectError, Refused, Unavailable
from leitmotif.collection.fetch.connection import Response, connection_of
from leitmotif.collection.guard import Guard

# A web page or a manifest; the largest of video sites are a few million bytes.
PAGE_BYTES = 32 << 20
_CHUNK_BYTES = 1 << 18
_BEGUN_BYTES = 4096


@dataclass(frozen=True)
class Watch:
    """Callbacks for every HTTP response; what one raises ends the item.

    Attributes:
        count: Called with the size of each piece that comes, in bytes.
        deadline: Returns when a request that begins now must have ended.
        headers: Called with an address and the headers of its response.
        page: Called with an address and a web page, whole and unpacked.
    """

    count: Callable[[int], None]
    deadline: Callable[[], Deadline]
    headers: Callable[[str, Message], None] = lambda url, headers: None
    page: Callable[[str, bytes], None] = lambda url, page: None


class _Response(Response):
    """A body that is counted as it comes, and bounded where it is asked for whole."""

    watch: Watch
    _begun = b""  # what was read of a page before all the rest of it

    def read(self, amt: int | None = None) -> bytes:
        if amt is None:
            return self._read_page()
        data = super().read1(amt)  # as it comes: a drip must not wait until the amount is full
        self.watch.count(len(data))
        if len(self._begun) < _BEGUN_BYTES:
            self._begun += data
        return data

    def _read_page(self) -> bytes:
        pieces, size = [], 0
        while piece := super().read1(_CHUNK_BYTES):
            size += len(piece)
            self.watch.count(len(piece))
            if size > PAGE_BYTES:
                raise Refused(f"a page of more than {PAGE_BYTES} bytes came; no page is that long")
            pieces.append(piece)
        if self.length:
            raise http.client.IncompleteRead(b"", self.length)
        page = b"".join(pieces)
        if not self.headers.get("Content-Encoding") and _is_page(self.headers):
            self._show(self._begun + page)
        return page

    def _show(self, page: bytes) -> None:
        try:
            self.watch.page(self.url, page)
        except CollectError:
            self.close()
            raise


class _Handler(HTTPHandler):
    """Opens connections through the guard, and unpacks compressed pages up to the same bound."""

    def __init__(self, guard: Guard, watch: Watch, **options: Any) -> None:
        super().__init__(**options)
        self._guard, self._watch = guard, watch
        self._response = type("Response", (_Response,), {"watch": watch})

    def _make(self, secure: bool, host: str, **_: Any) -> http.client.HTTPConnection:
        deadline = self._watch.deadline()
        connection = connection_of(secure, host, None, self._guard, self._context, deadline)
        connection.response_class = self._response
        return connection

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(partial(self._make, False), req)

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(partial(self._make, True), req)

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        try:
            self._watch.headers(request.full_url, response.headers)
        except CollectError:
            response.close()
            raise
        kind = response.headers.get("Content-Encoding", "").strip().lower()
        if kind in ("gzip", "deflate"):
            page = _unpack(response.read())
            if _is_page(response.headers):
                self._watch.page(request.full_url, page)
            unpacked: Any = urllib.response.addinfourl(
                io.BytesIO(page), response.headers, response.url, response.code
            )
            unpacked.msg = response.msg
            return unpacked
        return response

    https_response = http_response


def _is_page(headers: Message) -> bool:
    return headers.get_content_type() in ("text/html", "application/xhtml+xml")


def _unpack(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        text = unpacker.decompress(data, PAGE_BYTES)
    except zlib.error as error:
        raise Unavailable(f"a page came that is not packed as its Content-Encoding says ({error})") from error
    if unpacker.unconsumed_tail:
        raise Refused(f"a page unpacks to more than {PAGE_BYTES} bytes; no page is that long")
    return text


class _Redirects(RedirectHandler):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        self._guard.check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class GuardedRequests(UrllibRH):
    """The only request handler that yt-dlp gets here."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    _SUPPORTED_PROXY_SCHEMES = ("http",)
    RH_NAME = "guarded"

    def __init__(self, *, guard: Guard, watch: Watch, **options: Any) -> None:
        super().__init__(**options)
        self._guard, self._watch = guard, watch

    def _create_instance(self, proxies: Any, cookiejar: Any, legacy_ssl_support: Any = None) -> Any:
        opener = urllib.request.OpenerDirector()
        for handler in (
            ProxyHandler(proxies),
            _Handler(
                self._guard, self._watch, context=self._make_sslcontext(legacy_ssl_support=legacy_ssl_support)
            ),
            urllib.request.HTTPCookieProcessor(cookiejar),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirects(self._guard),
        ):
            opener.add_handler(handler)
        opener.addheaders = []
        return opener

    def _prepare_headers(self, request: Any, headers: Any) -> None:
        headers.setdefault("Accept-Encoding", "gzip, deflate")

    def _send(self, request: Any) -> Any:
        try:
            self._guard.check_url(request.url)
            return super()._send(request)
        except CollectError as error:
            # As one of yt-dlp's own errors, which its extractors pass on; not one that it retries.
            raise RequestError(str(error), cause=error) from error
