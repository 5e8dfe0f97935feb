"""Services that client libraries ask, over connections of ours: a deadline and a size for every answer."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import Unavailable
from leitmotif.collection.fetch.connection import Connection
from leitmotif.collection.settings import Settings
from leitmotif.storage.errors import one_line

# The longest answers, lists of fifty tracks, have some 300 kB.
MAX_BYTES = 16 << 20


def to_service(settings: Settings, url: str) -> Settings:
    """Return settings for a service at an address of ours: it may be anywhere, and gets no cookies."""
    allowed = settings.guard.allowed | {str(urlsplit(url).hostname)}
    return replace(settings, cookies=None, guard=replace(settings.guard, allowed=allowed))


class BoundedAdapter(BaseAdapter):
    """Sends the requests of a `requests.Session`, each over a connection of its own."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        """Make an adapter.

        Args:
            settings: Of the run, whose proxy is used.
            seconds: How long a request may take, from connecting to the last byte of the answer.
        """
        super().__init__()
        self._settings, self._seconds = settings, seconds
        self._context = ssl.create_default_context()

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the answer to a request, whole.

        Raises:
            Unavailable: The server does not answer, or with too much.
        """
        url, deadline = str(request.url), Deadline(self._seconds)
        guard = to_service(self._settings, url).guard
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes)  # no library streams one here
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() != "host"}
        connection = Connection(guard.check_url(url), guard, self._context, deadline)
        try:
            headers |= {"Accept-Encoding": "identity", "Connection": "close"}
            method = str(request.method)
            with connection.ask(urlsplit(url), headers, deadline, method=method, body=body) as answer:
                content = answer.read_whole(MAX_BYTES)
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{urlsplit(url).hostname}: {one_line(error, 300)}") from error
        finally:
            connection.close()
        made = Response()
        made.status_code, made.reason = answer.status, answer.reason
        made.headers = CaseInsensitiveDict(answer.headers.items())
        made.encoding = get_encoding_from_headers(made.headers)
        made.url, made.request = url, request
        made._content, made._content_consumed = content, True
        return made

    def close(self) -> None:
        """Nothing is kept open."""
