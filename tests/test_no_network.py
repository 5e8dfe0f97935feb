"""The tests' own promise: no connection beyond the loopback."""

import socket
import threading

import httpx
import pytest


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "example.org"])
def test_a_connection_beyond_the_loopback_is_refused(address):
    with pytest.raises(ConnectionRefusedError, match="beyond the loopback"):
        socket.create_connection((address, 80), timeout=1)
    with pytest.raises(httpx.ConnectError, match="beyond the loopback"):
        httpx.get(f"http://[{address}]/" if ":" in address else f"http://{address}/", timeout=1)


def test_a_connection_within_the_machine_is_made():
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
        thread.join()
