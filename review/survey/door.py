"""What a survey's server lets in: requests to its own name, and posts of its own page."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# No other page shows this one in a frame, loads its media, or learns its address; what is sent is what it is
# said to be. What the page itself may do stands in the page.
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Door:
    """Stands before an application and answers what is not meant for it.

    A page of somebody else must not be able to post answers in the name of a participant, nor a name that
    somebody has pointed at this machine (DNS rebinding) to read them.
    """

    def __init__(self, app: ASGIApp, *, names: Collection[str] = ()) -> None:
        """Stand before an application.

        Args:
            app: The application.
            names: Names under which it is reached, beside those of this machine and any address in numbers.
        """
        here = socket.gethostname()
        self._app = app
        self._names = {name.lower().rstrip(".") for name in (*names, "localhost", here, f"{here}.local")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            status, reason = refusal
            await JSONResponse({"error": reason}, status)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> tuple[HTTPStatus, str] | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return HTTPStatus.MISDIRECTED_REQUEST, (
                "this server is not known by that name; whoever runs it can give it one with --name"
            )
        if method != "POST":
            return None
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected Content-Type: application/json"
        if not self._is_of_our_page(headers, host):
            return HTTPStatus.FORBIDDEN, "only the survey's own page may post here"
        return None

    def _is_ours(self, host: str) -> bool:
        """Tell whether a name with or without a port is one of this server.

        An address in numbers is: nobody can point it elsewhere.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name.rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_of_our_page(self, headers: Headers, host: str) -> bool:
        """Tell whether a post may come from the page; what is no browser says nothing, and may."""
        if (site := headers.get("sec-fetch-site")) is not None:
            return site == "same-origin"
        if (origin := headers.get("origin")) is not None:
            try:
                parts = urlsplit(origin)
                return bool(parts.netloc) and (parts.netloc == host or parts.hostname in self._names)
            except ValueError:
                return False
        return True
