#!/usr/bin/env bash
# uvicorn 0.54.0 on CPython 3.11's asyncio, given a listening socket of the caller's own (`Server.serve(sockets=[…])`, as one
# does to know the port before the server starts): answers go out with Nagle's algorithm on, and an answer written in two
# pieces over a kept connection waits some 40 ms for the other side's delayed acknowledgement. asyncio sets TCP_NODELAY only
# on sockets whose `proto` is IPPROTO_TCP; `socket.create_server()` and `socket.socket()` leave it 0, and accepted
# connections take it over from the listening socket. uvicorn's own `Config.bind_socket()`, which serves where it runs with
# `--reload` or `--workers`, makes its socket the same way.
# With `socket.socket(proto=socket.IPPROTO_TCP)` the option is set.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 h11==0.16.0
cat > "$work/nodelay.py" <<'PYTHON'
import asyncio
import socket
import statistics
import sys
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

found = []


class Looking(H11Protocol):
    def connection_made(self, transport):
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        found.append(bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def ask(port, times):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        spent.append(1e3 * (time.perf_counter() - start))
    writer.close()
    return statistics.median(spent)


async def serve(listening):
    server = uvicorn.Server(uvicorn.Config(app, http=Looking, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    took_ms = await ask(listening.getsockname()[1], 20)
    server.should_exit = True
    await task
    return took_ms


def bound(**arguments):
    listening = socket.socket(**arguments)
    listening.bind(("127.0.0.1", 0))
    return listening


def configured():
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    return config.bind_socket()


ways = {
    "socket.create_server()": lambda: socket.create_server(("127.0.0.1", 0)),
    "uvicorn.Config.bind_socket()": configured,
    "socket.socket(proto=IPPROTO_TCP)": lambda: bound(proto=socket.IPPROTO_TCP),
}
for name, make in ways.items():
    took_ms = asyncio.run(serve(make()))
    print(f"{name}: TCP_NODELAY {found[-1]}, median of an answer {took_ms:.1f} ms")
sys.exit(0 if found == [False, False, True] else "changed: expected False, False, True")
PYTHON
"$work/env/bin/python" "$work/nodelay.py"
