"""What a server sends and nobody reads is never taken for an answer, least of all for a permission."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from leitmotif.collection.collector import CollectSummary
from tests.collection.media_server import tone
from tests.collection.raw_server import CLOSED, RawServer, head, serve_raw

Fetch = Callable[..., CollectSummary]
RESERVED = json.dumps([{"location": "/", "tdm-reservation": 1}]).encode()
# The page of an error, with what looks like another answer in it.
DECOY = head(200, "Content-Type: application/json", "Content-Length: 2") + b"[]"
PAGE = (DECOY * 200)[:9000]


def sized(status: int, body: bytes) -> bytes:
    return head(status, f"Content-Length: {len(body)}") + body


def chunked(status: int, *pieces: bytes) -> list[bytes]:
    framed = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    return [head(status, "Transfer-Encoding: chunked"), *framed, b"0\r\n\r\n"]


def bodies(status: int) -> dict[str, list[bytes]]:
    return {
        "empty": [sized(status, b"")],
        "one packet": [sized(status, DECOY * 4)],
        "two packets": [head(status, "Content-Length: 300"), (DECOY * 5)[:300]],
        "long": [sized(status, PAGE)],
        "chunked": chunked(status, DECOY, DECOY),
        "chunked and long": chunked(status, PAGE, PAGE),
        "more than said": [head(status, "Content-Length: 0"), DECOY],
        "two lengths": [head(status, "Content-Length: 0", "Content-Length: 300"), DECOY * 4],
        "closed": [head(status, "Connection: close") + PAGE, CLOSED],
        "after an interim answer": [head(103, "Link: </a.css>; rel=preload"), sized(status, PAGE)],
    }


STATUSES = [200, 204, 301, 304, 401, 404, 410]


@pytest.mark.parametrize("form", list(bodies(200)))
@pytest.mark.parametrize("status", STATUSES)
def test_a_reservation_is_seen_whatever_robots_txt_answers(fetch: Fetch, status: int, form: str) -> None:
    with serve_raw(RawServer()) as server:
        server.add("/robots.txt", *bodies(status)[form])
        server.add("/.well-known/tdmrep.json", sized(200, RESERVED))
        url = server.add(
            "/a.wav", head(200, "Content-Type: audio/wav", f"Content-Length: {len(tone())}") + tone()
        )
        summary = fetch(url, attempts=1)
        assert (summary.fetched, summary.refused, summary.failed) == (0, 1, 0)
        assert server.asked == ["/robots.txt", "/.well-known/tdmrep.json"]


@pytest.mark.parametrize("form", list(bodies(200)))
def test_what_a_refused_item_sent_does_not_reach_the_next(
    fetch: Fetch, form: str, record: Callable[[], list[dict[str, Any]]]
) -> None:
    with serve_raw(RawServer()) as server:
        first = [bodies(200)[form][0].replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain\r\n\r\n", 1)]
        server.add("/1.wav", *first, *bodies(200)[form][1:])
        moved = [bodies(302)[form][0].replace(b"\r\n\r\n", b"\r\nLocation: /4.wav\r\n\r\n", 1)]
        server.add("/2.wav", *moved, *bodies(302)[form][1:])
        for name, pitch_hz in (("/3.wav", 300.0), ("/4.wav", 400.0)):
            server.add(name, sized(200, tone(pitch_hz=pitch_hz)))
        summary = fetch(*(f"{server.url}/{n}.wav" for n in (1, 2, 3)), jobs=1, per_host=1, attempts=1)
        outcomes = [(row["wanted"][-6:], row["outcome"]) for row in record()]
        if form == "after an interim answer":  # the first header is the interim answer's
            assert summary.fetched + summary.refused + summary.failed == 3
            return
        assert outcomes == [("/1.wav", "refused"), ("/2.wav", "fetched"), ("/3.wav", "fetched")]
        assert server.asked.count("/4.wav") == 1
