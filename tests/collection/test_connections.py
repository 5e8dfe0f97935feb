"""The connections that files come over: what servers may send, and what they may not."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import Refused, Unavailable
from leitmotif.collection.fetch.connections import Connections
from leitmotif.collection.guard import Guard
from leitmotif.collection.settings import Settings
from tests.collection.media_server import MediaServer, tone

HERE = Settings(guard=Guard(frozenset({"127.0.0.1", "localhost"})))


@contextmanager
def scripted(*answers: bytes, context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """Answer each request with the next bytes; an empty answer, and the last one, close the connection."""
    asked: list[bytes] = []
    left = list(answers)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while left:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(raw, server_side=True) if context else raw as connection:
                    while left and (request := connection.recv(65536)):
                        asked.append(request)
                        answer = left.pop(0)
                        if not answer:
                            break
                        connection.sendall(answer)
            except OSError:
                raw.close()

    thread = Thread(target=serve, daemon=True)
    thread.start()
    scheme = "https" if context else "http"
    try:
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # closing it alone does not end `accept`
        listener.close()
        thread.join(5)


@contextmanager
def connections(settings: Settings = HERE) -> Iterator[Connections]:
    opened = Connections(settings)
    try:
        yield opened
    finally:
        opened.close()


def body_of(opened: Connections, url: str) -> bytes:
    with opened.ask(url, Deadline(30.0)) as (answer, _):
        pieces = []
        while piece := answer.read_chunk(1 << 16):
            pieces.append(piece)
        return b"".join(pieces)


def sent(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *(headers or (f"Content-Length: {len(body)}",)), "", ""]
    return "\r\n".join(lines).encode() + body


def moved(url: str) -> bytes:
    return sent(b"", f"Location: {url}", "Content-Length: 0", status="302 Found")


@pytest.mark.parametrize(
    "answer",
    [
        sent(b"hello"),
        b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + sent(b"hello"),
        sent(b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n", "Transfer-Encoding: chunked"),
        sent(b"hello", "Connection: close"),
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200\nContent-Length: 5\n\nhello",
        sent(b"hello", "no colon", ": nameless", "Content-Length: 5"),
    ],
)
def test_bodies_come_in_every_form(answer: bytes) -> None:
    with scripted(answer) as (url, _), connections() as opened:
        assert body_of(opened, url) == b"hello"


def test_a_connection_serves_again_and_a_closed_one_is_replaced() -> None:
    with scripted(sent(b"one"), sent(b"two"), b"", sent(b"three")) as (url, asked), connections() as opened:
        assert [body_of(opened, url) for _ in range(3)] == [b"one", b"two", b"three"]
        assert len(asked) == 4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed connection without response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
        (b"HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 abc"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", "more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "more than 65536 bytes"),
        (sent(b"hel", "Content-Length: 5"), "broke with 2 bytes to come"),
        (sent(b"5\r\nhel", "Transfer-Encoding: chunked"), "IncompleteRead"),
        (sent(b"zz\r\nhel", "Transfer-Encoding: chunked"), "IncompleteRead"),
    ],
)
def test_what_is_no_whole_answer_is_the_server_s_fault(answer: bytes, said: str) -> None:
    with (
        scripted(answer) as (url, _),
        connections() as opened,
        pytest.raises(Unavailable, match=said),
    ):
        body_of(opened, url)


def test_connections_of_many_hosts_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leitmotif.collection.fetch.connections.MAX_HOSTS", 1)
    with (
        scripted(sent(b"one"), sent(b"three")) as (first, asked),
        scripted(sent(b"two")) as (second, _),
        connections() as opened,
    ):
        assert [body_of(opened, url) for url in (first, second, first)] == [b"one", b"two", b"three"]
        assert len(asked) == 2


def test_what_was_not_read_is_never_taken_for_the_next_answer() -> None:
    with scripted(sent(b"one"), sent(b"two")) as (url, _), connections() as opened:
        with opened.ask(url, Deadline(30.0)):
            pass
        assert body_of(opened, url) == b"two"


def test_an_address_is_sent_so_that_nothing_can_be_added_to_the_request() -> None:
    with scripted(sent(b"")) as (url, asked), connections() as opened:
        body_of(opened, f'{url}/two words/ä?q="x y"&r=%20#part')
    (request,) = asked
    line, host, *rest = request.decode().split("\r\n")
    assert line == "GET /two%20words/%C3%A4?q=%22x%20y%22&r=%20 HTTP/1.1"
    assert host == f"Host: {url.removeprefix('http://')}"
    assert "User-Agent: leitmotif-collect/0.1" in rest
    with (
        scripted(sent(b"")) as (url, asked),
        connections() as opened,
        pytest.raises(Refused, match="control characters"),
        opened.ask(url, Deadline(30.0), headers={"Referer": "x\r\nCookie: stolen"}),
    ):
        pass
    assert asked == []


@pytest.mark.parametrize("target", ["http://[::1", "http://a:99999999/", "javascript:1", "//["])
def test_a_redirect_to_no_address_is_refused(target: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    with scripted(answer) as (url, asked), connections() as opened, pytest.raises(Refused):
        body_of(opened, url)
    assert len(asked) == 1


def test_secrets_stay_with_the_host_they_are_for() -> None:
    with (
        scripted(sent(b"here")) as (there, asked_there),
        scripted(moved(there.replace("127.0.0.1", "localhost") + "/x")) as (url, asked),
        connections() as opened,
        opened.ask(url, Deadline(30.0), headers={"Authorization": "secret", "X": "y"}) as (answer, final),
    ):
        assert answer.read_chunk(10) == b"here"
        assert final.endswith("/x")
    assert b"secret" in asked[0]
    assert b"secret" not in asked_there[0]
    assert b"X: y" in asked_there[0]


def test_a_proxy_is_asked_for_the_whole_address(media: MediaServer) -> None:
    media.add("/a.wav", tone())
    proxied = Settings(guard=Guard(frozenset({"127.0.0.1"}), media.url))
    with connections(proxied) as opened:
        assert body_of(opened, "http://127.0.0.1:1/a.wav?x=1") == tone()
    assert media.paths() == ["/a.wav"]


def test_a_proxy_only_passes_encrypted_connections_on() -> None:
    with scripted(b"HTTP/1.1 403 Forbidden\r\n\r\n") as (proxy, asked):
        proxied = Settings(guard=Guard(frozenset({"127.0.0.1"}), proxy))
        with connections(proxied) as opened, pytest.raises(Unavailable, match="403"):
            body_of(opened, "https://127.0.0.1:444/a.wav")
    assert asked[0].startswith(b"CONNECT 127.0.0.1:444 HTTP/1.")


def test_certificates_are_checked(
    certificate: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        scripted(sent(b"hello"), context=context) as (url, asked),
        connections() as opened,
        pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        body_of(opened, url)
    assert asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "authority.pem"))
    with scripted(sent(b"hello"), context=context) as (url, _), connections() as opened:
        assert body_of(opened, url) == b"hello"
