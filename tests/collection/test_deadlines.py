"""A server can hold nobody: every request ends by its deadline, by its sizes, and with the run."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from leitmotif.collection import bounded_socket
from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.errors import RunStopped, Unavailable
from leitmotif.collection.fetch.budget import Budget
from leitmotif.collection.fetch.connections import Connections
from leitmotif.collection.guard import Guard
from leitmotif.collection.settings import Settings
from tests.collection.raw_server import RawServer, head, serve_raw

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]
HERE = Settings(guard=Guard(frozenset({"127.0.0.1"})))
# What a server begins with, and what it sends after that every 20 ms.
ENDLESS_HEADS = {
    "status line": (b"HTTP/1.1 2", b"0"),
    "header line": (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "header lines": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 3),
    "100 Continue": (b"", head(100)),
    "103 Early Hints": (b"", head(103, "Link: </a>")),
    "silence": (b"", b""),
}
BEGUN = head(200, "Content-Type: audio/wav", "Content-Length: 999999")
CHUNKED = head(200, "Content-Type: audio/wav", "Transfer-Encoding: chunked")
ENDLESS_BODIES = {
    "a byte at a time": (BEGUN, b"x"),
    "without a length": (head(200, "Content-Type: audio/wav"), b"x"),
    "chunks": (CHUNKED, b"1\r\nx\r\n"),
    "the name of a chunk": (CHUNKED + b"1;", b"x"),
    "lines after the last chunk": (CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n"),
}


@pytest.fixture
def server() -> Iterator[RawServer]:
    with serve_raw(RawServer()) as opened:
        yield opened


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_socket, "HEAD_S", 0.4)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("path", ["/a.wav", "/watch", "/robots.txt"])
@pytest.mark.parametrize("what", list(ENDLESS_HEADS))
def test_a_header_without_end_is_given_up(
    server: RawServer, fetch: Fetch, record: Record, what: str, path: str
) -> None:
    server.add_endless(path, *ENDLESS_HEADS[what])
    summary = fetch(server.url + ("/a.wav" if path == "/robots.txt" else path), attempts=1)
    assert (summary.fetched, summary.failed) == (0, 1)
    message = record()[0]["message"]
    assert "no answer began within 0.4 s" in message or "more than 100 headers" in message


@pytest.mark.parametrize("what", list(ENDLESS_BODIES))
@pytest.mark.parametrize("path", ["/a.wav", "/watch"])
def test_a_body_without_end_is_given_up(
    server: RawServer, fetch: Fetch, record: Record, what: str, path: str
) -> None:
    server.add_endless(path, *ENDLESS_BODIES[what])
    summary = fetch(server.url + path, attempts=1, max_item_s=0.5)
    assert (summary.fetched, summary.failed) == (0, 1)
    assert "took longer than 0.5 s" in record()[0]["message"]


@pytest.mark.parametrize("what", list(ENDLESS_HEADS))
def test_the_end_of_the_run_ends_what_waits(server: RawServer, what: str) -> None:
    budget = Budget(HERE)
    url = server.add_endless("/a.wav", *ENDLESS_HEADS[what])
    server.pause_s = 0.05
    opened, soon = Connections(HERE), Timer(0.3, budget.interrupt)
    soon.start()
    with pytest.raises((RunStopped, Unavailable)) as ended, opened.ask(url, Deadline(60, check=budget.check)):
        pass
    assert what == "header lines" or ended.type is RunStopped
    opened.close()


def test_the_hours_of_a_run_count_while_a_server_is_waited_for(server: RawServer, fetch: Fetch) -> None:
    url = server.add_endless("/a.wav", *ENDLESS_HEADS["header line"])
    summary = fetch(url, max_seconds=0.5)
    assert (summary.left, summary.failed) == (1, 0)
    assert "--max-hours" in summary.stopped[""]


def test_a_header_that_comes_fast_ends_by_its_size(server: RawServer) -> None:
    server.pause_s = 0.0
    url = server.add_endless("/a.wav", b"", head(100, *["X: " + "y" * 1000] * 50))
    opened = Connections(HERE)
    with pytest.raises(Unavailable, match="more than 1048576 bytes"), opened.ask(url, Deadline(60)):
        pass
    opened.close()


@contextmanager
def deaf() -> Iterator[int]:
    """Listen, and neither accept nor answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("path", ["a.wav", "watch"])
def test_a_handshake_that_is_not_answered_is_given_up(fetch: Fetch, record: Record, path: str) -> None:
    with deaf() as port:
        assert fetch(f"https://127.0.0.1:{port}/{path}", attempts=1, ignore_robots=True).failed == 1
    assert "no answer began within 0.4 s" in record()[0]["message"]


@pytest.mark.usefixtures("hurried")
def test_a_proxy_that_does_not_answer_is_given_up(fetch: Fetch, record: Record) -> None:
    with deaf() as port:
        guard = Guard(frozenset({"127.0.0.1"}), f"http://127.0.0.1:{port}")
        for scheme in ("http", "https"):
            fetch(f"{scheme}://127.0.0.1:9/a.wav", attempts=1, ignore_robots=True, guard=guard)
    assert all("no answer began" in row["message"] for row in record())
    assert len(record()) == 2


def test_an_encrypted_answer_that_comes_slowly_comes_whole(
    certificate: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "authority.pem"))
    monkeypatch.setattr(bounded_socket, "SLICE_S", 0.001)
    with serve_raw(RawServer(context=context, pause_s=0.05)) as server:
        url = server.add("/a", head(200, "Content-Length: 4"), b"he", b"re")
        opened = Connections(HERE)
        for _ in range(2):
            with opened.ask(url, Deadline(30)) as (answer, _):
                assert answer.read_chunk(10) + answer.read_chunk(10) == b"here"
        opened.close()
