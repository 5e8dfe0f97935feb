"""One question to an HTTP server, and its answer: in one time, of one size, whatever the server sends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

Result = TypeVar("Result")

# The longest list of models that a gateway is known to serve has 1 MB; a caption has less than 1 kB.
LARGEST_BYTES = 4 << 20
# Several requests a worker; as many as the largest `caption.concurrency` that makes sense.
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        status: HTTP status.
        text: The body; what is no UTF-8 is U+FFFD.
        retry_after: The header of that name.
    """

    status: int
    text: str
    retry_after: str | None = None


class Unreadable(ValueError):  # noqa: N818
    """The server answered, but with what cannot be an answer; the text says with what."""


def open_client(url: str, key: str | None) -> httpx.AsyncClient:
    """Return a client of a server; use it as an async context manager.

    Args:
        url: Base URL of the API.
        key: Sent with every request, but not to where it is sent on to.
    """
    # Packed, a small answer could be of any size.
    headers = {"Authorization": f"Bearer {key or 'none'}", "Accept-Encoding": "identity"}
    return httpx.AsyncClient(
        base_url=url, headers=headers, timeout=None, follow_redirects=True, limits=_LIMITS
    )


async def exchange(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    limit_s: float,
    body: Mapping[str, Any] | None = None,
) -> Reply:
    """Send a request and read its answer to the end.

    Args:
        client: See `open_client`.
        method: Of HTTP.
        path: Below the base URL.
        limit_s: Time for all of it: to connect, to send, to follow redirects, and to read the last byte.
        body: Sent as JSON.

    Raises:
        TimeoutError: It took longer.
        Unreadable: The answer is longer than `LARGEST_BYTES`, or packed.
        httpx.HTTPError: The connection failed, or the server does not speak HTTP.
        httpx.InvalidURL: The address, or one that it leads to, is none.
    """
    async with asyncio.timeout(limit_s), client.stream(method, path, json=body) as response:
        packed = response.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("identity", ""):
            raise Unreadable(f"got an answer packed by {packed[:20]!r}, which was not asked for")
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > LARGEST_BYTES:
                raise Unreadable(f"got an answer of more than {LARGEST_BYTES >> 20} MiB")
        text = content.decode("utf-8", "replace")
        return Reply(response.status_code, text, response.headers.get("retry-after"))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
