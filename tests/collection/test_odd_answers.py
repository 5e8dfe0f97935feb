"""Whatever a server answers, an item ends with an error of ours, and no run ends with it."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.errors import CollectError
from leitmotif.collection.fetch.budget import Budget, Meter
from leitmotif.collection.fetch.connections import Connections
from leitmotif.collection.fetch.download import DirectFetcher, IsPage
from leitmotif.collection.fetch.opt_out import OptOut, refuse_reserved_page
from leitmotif.collection.guard import Guard
from leitmotif.collection.header_numbers import decimal_number, retry_after_s, whole_number
from leitmotif.collection.settings import Settings
from tests.collection.media_server import MediaServer, tone
from tests.collection.raw_server import CLOSED, RawServer, serve_raw

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]
HERE = Settings(guard=Guard(frozenset({"127.0.0.1"})), max_file_bytes=1 << 20, max_item_s=10.0)
ODD = [
    *("²", "٣", "½", "五", "1e999", "-1e999", "inf", "nan", "-1", "+5", "1_0", "0x10", "9" * 19, "9" * 5000),
    *(" ", "", "5, 6", "\x00", "Wed, 21 Oct 99999 07:28:00 GMT", "Mon, 99 Foo 0000 99:99:99 +9999"),
    "Thu, 01 Jan 0001 00:00:00 +2359",
]


@pytest.mark.parametrize("text", [None, *ODD])
def test_odd_numbers_are_none(text: str | None) -> None:
    assert whole_number(text) is None
    assert decimal_number(text) is None or text == "9" * 9
    wait_s = retry_after_s(text)
    assert wait_s is None or (math.isfinite(wait_s) and wait_s >= 0)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=40), st.text("0123456789.:,+- GMTJanWed", max_size=40)))
def test_any_text_is_a_number_within_bounds_or_none(text: str) -> None:
    for read in (whole_number, decimal_number, retry_after_s):
        number = read(text)
        assert number is None or 0 <= number < 1e18


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("120", 120), (" 2.5 ", 2.5), ("9" * 30, 1e9)])
def test_a_plain_wait_is_read(text: str, seconds: float) -> None:
    assert retry_after_s(text) == seconds
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == retry_after_s("Wed, 21 Oct 2015 07:28:00") == 0.0


@pytest.mark.parametrize("odd", [text for text in ODD if text.isprintable() and len(text) < 100])
def test_odd_headers_give_no_python_error_as_a_reason(
    media: MediaServer, fetch: Fetch, record: Record, odd: str
) -> None:
    value = odd.encode("utf-8").decode("latin-1")
    media.add("/robots.txt", f"User-agent: *\nCrawl-delay: {odd}\n".encode(), kind="text/plain")
    headers = [
        (name, value) for name in ("Last-Modified", "Content-Range", "tdm-reservation", "X-Robots-Tag")
    ]
    urls = [
        media.add("/a.wav", tone(), headers=headers, etag=""),
        media.add("/b.wav", statuses=[(429, {"Retry-After": value})] * 3),
        media.add("/c.wav", statuses=[(503, {"Retry-After": value})] * 3),
        media.add("/d", "<html>", statuses=[(503, {"Retry-After": value})] * 9),
        media.add("/e.wav", statuses=[(200, {"Content-Type": "audio/wav", "Content-Length": value})]),
    ]
    summary = fetch(*urls, attempts=1, per_host=4)
    assert summary.fetched >= 1 or summary.stopped
    for row in record():
        assert not any(
            word in str(row["message"]) for word in ("ValueError", "OverflowError", "TypeError", "int()")
        )


NAMES = st.sampled_from(
    (
        *("Content-Length", "Content-Type", "Content-Range", "Content-Encoding", "Transfer-Encoding"),
        *("Retry-After", "Location", "ETag", "Last-Modified", "X-Robots-Tag", "tdm-reservation"),
        *("Content-Usage", "Content-Signal", "Connection", "Set-Cookie"),
    )
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *ODD,
            *("5", "0", "audio/wav", "text/html", "chunked", "gzip", "close", "keep-alive", "1", "noai"),
            *("train-ai=n", "/", "/a.wav", "//", "http://[::1", "http://10.0.0.1/", "javascript:1", "\xff"),
            *("http://u:p@127.0.0.1:1/", "bytes 5-9/10", "bytes ²-9/10", "bytes */5", ": noai", '"x"', "W/x"),
            "unavailable_after: x, noai",
        ]
    ),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20),
)
STATUSES = (*(100, 101, 103, 200, 204, 206, 301, 302, 304, 307), *(401, 403, 404, 416, 429, 451, 500, 503))
ODD_LINES = (
    "HTTP/1.1 ²00 OK",
    "HTTP/9 200",
    "HTTP/1.1",
    "",
    "ICY 200 OK",
    "HTTP/1.1 -200 x",
    "HTTP/1.1 2e2 x",
)
STATUS_LINES = st.one_of(
    st.builds(
        "HTTP/1.{} {} {}".format,
        st.sampled_from("01"),
        st.sampled_from(STATUSES),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=8),
    ),
    st.sampled_from(ODD_LINES),
)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        (
            *(b"", b"0\r\n\r\n", b"-5\r\nabc", b"\xb2\r\nab\r\n", b"ffffffffffffffffff\r\nab", b"1_0\r\n"),
            *(b"5\r\nhello\r\n0\r\n", b"[" * 5000, b'[{"location": 1e999, "tdm-reservation": 1e999}]'),
            *(b"User-agent: *\nCrawl-delay: 1e999\n", b"<meta name=robots content=noai>", b"\xff\xfeU\x00"),
        )
    ),
)
PAGES = st.one_of(
    BODIES, st.binary(max_size=300).map(lambda data: b"<meta name=robots content=" + data + b">")
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    lines = [draw(STATUS_LINES)]
    lines += [f"{name}: {value}" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=5))]
    text = "\r\n".join(lines).encode("utf-8" if any(ord(c) > 255 for c in "".join(lines)) else "latin-1")
    return text + b"\r\n\r\n" + draw(BODIES)


@pytest.fixture(scope="module")
def raw() -> Iterator[RawServer]:
    with serve_raw(RawServer(pause_s=0.0)) as server:
        yield server


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(answers(), min_size=3, max_size=3))
def test_any_answer_ends_an_item_with_an_error_of_ours(
    raw: RawServer, tmp_path: Path, packets: list[bytes]
) -> None:
    paths = ("/robots.txt", "/.well-known/tdmrep.json", "/a.wav")
    for path, packet in zip(paths, packets, strict=True):
        raw.add(path, packet or b"\r\n", CLOSED)
    connections = Connections(HERE)
    fetcher = DirectFetcher(HERE, connections, OptOut(connections))
    part = tmp_path / "a.part"
    for _ in range(2):  # the second goes on where the first stopped
        try:
            fetcher.fetch(f"{raw.url}/a.wav", part, Meter(Budget(HERE), HERE))
        except CollectError as error:
            assert "\n" not in str(error)
        except IsPage:
            pass
    connections.close()
    part.unlink(missing_ok=True)
    part.with_suffix(".json").unlink(missing_ok=True)


@settings(max_examples=150)
@given(
    st.one_of(BODIES, st.binary(max_size=300).map(lambda data: b"<meta name=robots content=" + data + b">"))
)
def test_any_page_can_be_read(page: bytes) -> None:
    try:
        refuse_reserved_page("https://a.example/", page)
    except CollectError as error:
        assert "robots" in str(error) or "reserves" in str(error)
