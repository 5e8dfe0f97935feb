"""A server that answers each path with the bytes that a test names, in the packets that it names."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from threading import Thread

# Between two packets: long enough for the first to be read alone.
PAUSE_S = 0.02
# In place of a packet: the connection ends.
CLOSED = b""
# Longer than any test waits.
SILENCE_S = 60.0

Packets = Sequence[bytes] | Iterator[bytes]


def head(status: int | str = 200, *headers: str) -> bytes:
    """Return the beginning of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1")


def endless(first: bytes, then: bytes) -> Iterator[bytes]:
    """Return a packet, and another again and again; where that is empty, nothing more comes."""
    if first:
        yield first
    if not then:
        time.sleep(SILENCE_S)
        yield CLOSED
    yield from repeat(then)


@dataclass
class RawServer:
    """Packets by path, made anew for each request, and the paths that were asked for.

    Attributes:
        answers: Of every path; of those that are not named, 404 without a body.
        pause_s: Between two packets.
    """

    answers: dict[str, Callable[[], Packets]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pause_s: float = PAUSE_S
    context: ssl.SSLContext | None = None
    url: str = ""
    _open: list[socket.socket] = field(default_factory=list)

    def add(self, path: str, *packets: bytes) -> str:
        """Answer a path with packets, and return its address."""
        self.answers[path] = lambda: packets
        return self.url + path

    def add_endless(self, path: str, first: bytes, then: bytes) -> str:
        """Answer a path without end, and return its address."""
        self.answers[path] = lambda: endless(first, then)
        return self.url + path

    def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError), raw, self._wrapped(raw) as connection:
            waiting = b""
            while True:
                while b"\r\n\r\n" not in waiting:
                    if not (came := connection.recv(65536)):
                        return
                    waiting += came
                request, _, waiting = waiting.partition(b"\r\n\r\n")
                path = request.split(b" ")[1].decode("latin-1")
                self.asked.append(path)
                answer = self.answers.get(path, lambda: [head(404, "Content-Length: 0")])
                for number, packet in enumerate(answer()):
                    if number:
                        time.sleep(self.pause_s)
                    if packet == CLOSED:
                        return
                    connection.sendall(packet)

    def _wrapped(self, raw: socket.socket) -> socket.socket:
        return self.context.wrap_socket(raw, server_side=True) if self.context else raw

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(raw)
            Thread(target=self._serve, args=[raw], daemon=True).start()


@contextmanager
def serve_raw(server: RawServer) -> Iterator[RawServer]:
    """Serve on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    server.url = f"{'https' if server.context else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    thread = Thread(target=server._accept, args=[listener], daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # closing it alone does not end `accept`
        listener.close()
        thread.join(5)
        for raw in server._open:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
