"""A server that is handed each connection after the request, to do with it what it likes."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from tests.captioning.fake_server import GOOD

Fault = Callable[[socket.socket], None]


class RawServer:
    """Calls `fault` with the connection of each request; a context manager."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.requests = 0
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> "RawServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(30)
            read_request(connection)
            self.requests += 1
            self.fault(connection)


def read_request(connection: socket.socket) -> bytes:
    """Return the head of a request, its body read as well."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.partition(b":")[2]):
                body += connection.recv(65536)
    return head


def raw(*parts: bytes, every_s: float = 0.0) -> Fault:
    """Send bytes as they are, one part after the other."""

    def fault(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(every_s)

    return fault


def endless(parts: Iterable[bytes], every_s: float = 0.0) -> Fault:
    """Send the first part once, the second for ever."""
    first, again = parts

    def fault(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(again)
            time.sleep(every_s)

    return fault


def http(body: bytes | str, status: int = 200, **headers: str) -> Fault:
    """Send one answer and close."""
    content = body if isinstance(body, bytes) else body.encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return raw(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content)


def says(content: Any, **message: Any) -> Fault:
    """Send a completion with this content."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}}
    return http(json.dumps({"choices": [choice | {"finish_reason": "stop"}]}))


def first(*faults: Fault, then: Fault | None = None) -> Fault:
    """Do one after the other, then answer well."""
    left, last, lock = list(faults), then or says(GOOD), threading.Lock()

    def fault(connection: socket.socket) -> None:
        with lock:
            chosen = left.pop(0) if left else last
        chosen(connection)

    return fault
