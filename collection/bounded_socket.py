"""Sockets whose every wait ends in time: by their request's deadline, by silence, or when the run ends.

The standard library's timeout bounds one wait alone: a server that sends a byte now and then, or one line of
its header, or interim answers without end, holds a thread for ever. Here every read and write of a request,
from connecting to the last byte of the body, draws on one deadline, and its header on one number of bytes.
"""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

from leitmotif.collection.errors import Unavailable

# How soon a thread that waits hears that the run ends.
SLICE_S = 0.2
CONNECT_S, SILENCE_S = 15.0, 30.0
# From connecting to the last line of the header, interim answers among it.
HEAD_S, HEAD_BYTES = 60.0, 1 << 20
_CONNECTING = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)

Result = TypeVar("Result")


class Deadline:
    """When a request must have ended, and whether it is to end sooner."""

    def __init__(self, seconds: float, *, said: str = "", check: Callable[[], object] = lambda: None) -> None:
        """Begin to count.

        Args:
            seconds: How long the request may take.
            said: What is said where it takes longer.
            check: Called at every wait; what it raises ends the request.
        """
        self._ends_s = time.monotonic() + seconds
        self._said = said or f"it took longer than {seconds:g} s"
        self._check = check

    def within(self, seconds: float, said: str) -> Deadline:
        """Return a deadline of a part of the request, which ends with the whole at the latest."""
        return Deadline(seconds, said=said, check=self.check)

    def check(self) -> None:
        """Let pass what is in time.

        Raises:
            Unavailable: The time is over.
        """
        self._check()
        if time.monotonic() > self._ends_s:
            raise Unavailable(self._said)


class Bounds:
    """What the request at hand may take: its header less than the whole."""

    def __init__(self, deadline: Deadline) -> None:
        """Begin with the header.

        Args:
            deadline: Of the whole request.
        """
        self._whole = deadline
        self._deadline = deadline.within(HEAD_S, f"no answer began within {HEAD_S:g} s")
        self._left_bytes: int | None = HEAD_BYTES

    def check(self) -> None:
        """Let pass what is in time.

        Raises:
            Unavailable: The time is over.
        """
        self._deadline.check()

    def count(self, came: int) -> None:
        """Note bytes that came.

        Raises:
            Unavailable: The header has too many.
        """
        if self._left_bytes is not None:
            self._left_bytes -= came
            if self._left_bytes < 0:
                raise Unavailable(f"the header of the answer has more than {HEAD_BYTES} bytes")

    def end_header(self) -> None:
        """Go on with the body, whose bytes are counted by whoever reads it."""
        self._deadline, self._left_bytes = self._whole, None


class _Bounded(socket.socket):
    """What plain and encrypted sockets have in common.

    Attributes:
        bounds: Those of the request at hand.
    """

    bounds = Bounds(Deadline(math.inf))

    def recv_into(self, *args: Any) -> int:
        """Read, as `socket.recv_into`.

        Raises:
            Unavailable: The time is over, or too much has come.
            TimeoutError: Nothing comes.
        """
        came = self._in_time(super().recv_into, *args)
        self.bounds.count(came)
        return came

    def recv(self, *args: Any) -> bytes:
        """Read, as `socket.recv`, in time."""
        return self._in_time(super().recv, *args)

    def send(self, *args: Any) -> int:
        """Write, as `socket.send`, in time."""
        return self._in_time(super().send, *args)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Write all of it, as `socket.sendall`, in time."""
        left = memoryview(data).cast("B")
        while left:
            left = left[self.send(left, flags) :]

    def is_quiet(self) -> bool:
        """Tell whether nothing has come that nobody read: neither more of an answer nor the end."""
        waiting = select.poll()
        waiting.register(self, select.POLLIN)
        return not waiting.poll(0)

    def _in_time(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call what waits for a slice at a time, until it is done or the time is over."""
        began_s = time.monotonic()
        while True:
            self.bounds.check()
            try:
                return function(*args)
            except TimeoutError as error:
                if time.monotonic() - began_s > SILENCE_S:
                    raise TimeoutError(f"nothing came for {SILENCE_S:g} s") from error


class BoundedSocket(_Bounded):
    """A plain connection."""

    def open(self, place: Any, deadline: Deadline) -> None:
        """Connect.

        Args:
            place: What `socket.connect` takes.
            deadline: Of the request that it is for.

        Raises:
            OSError: Nothing answers.
            Unavailable: The time is over.
        """
        self.bounds = Bounds(deadline)
        self.setblocking(False)
        code = self.connect_ex(place)
        if code in _CONNECTING:
            waiting = select.poll()
            waiting.register(self, select.POLLOUT)
            ends_s = time.monotonic() + CONNECT_S
            while not waiting.poll(SLICE_S * 1000):
                self.bounds.check()
                if time.monotonic() > ends_s:
                    raise TimeoutError(f"no connection within {CONNECT_S:g} s")
            code = self.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        self.settimeout(SLICE_S)


class BoundedTls(_Bounded, ssl.SSLSocket):
    """An encrypted connection."""

    def do_handshake(self, block: bool = False) -> None:
        """Agree upon keys, in time."""
        self._in_time(super().do_handshake, block)


def encrypted(plain: BoundedSocket, context: ssl.SSLContext, host: str) -> BoundedTls:
    """Return a connection that goes on encrypted.

    Args:
        plain: An open connection; it is used up.
        context: Whose certificates count.
        host: Whose certificate is expected.

    Raises:
        OSError: The other side does not agree, or is not who it should be.
        Unavailable: The time is over.
    """
    bounds = plain.bounds
    context.sslsocket_class = BoundedTls
    tls = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    assert isinstance(tls, BoundedTls)
    tls.bounds = bounds
    try:
        tls.do_handshake()
    except BaseException:
        tls.close()
        raise
    return tls
