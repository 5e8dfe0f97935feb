"""Who does not want to be collected is left alone: robots.txt, noai, reservations, takedown lists."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.errors import Refused, Unavailable
from leitmotif.collection.fetch import opt_out
from leitmotif.collection.folder import find_media
from leitmotif.collection.request import Request
from leitmotif.collection.takedown import TakedownList, ids_in, read_takedowns
from leitmotif.shards.takedown import Removal, write_record
from tests.collection.media_server import MediaServer, tone

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]


def test_what_robots_txt_disallows_is_refused_and_never_asked_for(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    media.add("/robots.txt", b"User-agent: *\nDisallow: /private/\n", kind="text/plain")
    secret, free = media.add("/private/a.wav", tone()), media.add("/b.wav", tone())
    page = media.add("/private/watch", "<video src='/b.wav'></video>")
    summary = fetch(secret, free, page)
    assert (summary.fetched, summary.refused) == (1, 2)
    assert media.paths() == ["/b.wav"]
    assert media.rules.count("/robots.txt") == 1
    messages = [row["message"] for row in record() if row["outcome"] == "refused"]
    assert all("robots.txt of 127.0.0.1 disallows '/private/'" in message for message in messages)
    assert fetch(secret, retry_failed=True, ignore_robots=True).fetched == 1


def test_a_redirect_into_a_disallowed_place_is_refused(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    media.add("/robots.txt", b"User-agent: leitmotif-collect\nDisallow: /*.wav$\n", kind="text/plain")
    media.add("/real.wav", tone())
    assert fetch(media.add("/moved.mp3", location="/real.wav")).refused == 1
    assert media.paths() == ["/moved.mp3"]
    assert "disallows '/*.wav$'" in record()[0]["message"]


def test_hosts_that_do_not_answer_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: Any, **__: Any) -> Any:
        raise Unavailable("it does not answer")

    monkeypatch.setattr(opt_out, "MAX_HOSTS", 4)
    asked = opt_out.OptOut(SimpleNamespace(ask=ask))  # type: ignore[arg-type]
    for number in range(50):
        with pytest.raises(Unavailable):
            asked.check(f"http://h{number}.example/a.wav")
        assert max(map(len, (asked._failed, asked._asking, asked._policies))) <= 4


def test_a_reservation_behind_a_long_script_is_seen(media: MediaServer, fetch: Fetch, record: Record) -> None:
    script = f"<script>{'var a = 1;' * 40_000}</script>"
    media.add("/v.mp4", tone(), kind="video/mp4")
    tag = '<meta name="robots" content="noai">'
    url = media.add("/watch", f"<html><head>{script}{tag}</head><video src='/v.mp4'></video></html>")
    assert fetch(url).refused == 1
    assert "says noai to robots" in record()[0]["message"]


def test_a_page_that_a_redirect_leads_to_is_asked_about_too(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    media.add("/robots.txt", b"User-agent: *\nDisallow: /private/\n", kind="text/plain")
    media.add("/v.mp4", tone(), kind="video/mp4")
    media.add("/private/watch", "<video src='/v.mp4'></video>")
    assert fetch(media.add("/short", location="/private/watch")).refused == 1
    assert "/v.mp4" not in media.paths()
    assert "disallows '/private/'" in record()[0]["message"]


def test_a_stream_of_pieces_is_asked_about_too(media: MediaServer, fetch: Fetch, record: Record) -> None:
    media.add("/robots.txt", b"User-agent: *\nDisallow: /private/\n", kind="text/plain")
    media.add("/private/0.wav", tone())
    listing = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\n0.wav\n#EXT-X-ENDLIST\n"
    media.add("/private/list.m3u8", listing, kind="application/vnd.apple.mpegurl")
    assert fetch(media.add("/watch", "<video src='/private/list.m3u8'></video>")).refused == 1
    assert "/private/0.wav" not in media.paths()
    assert "disallows '/private/'" in record()[0]["message"]


def test_a_host_whose_robots_txt_cannot_be_had_is_left_for_later(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    media.add("/robots.txt", b"", kind="text/plain", statuses=[(503, {})] * 9)
    urls = [media.add(f"/{n}.wav", tone()) for n in range(3)]
    assert fetch(*urls).failed == 3
    assert media.paths() == []
    assert media.rules == ["/robots.txt"]
    assert "robots.txt answers 503" in record()[0]["message"]
    media.pages["/robots.txt"].statuses.clear()
    assert fetch(*urls).fetched == 3


def test_a_robots_txt_that_drips_is_given_up(
    media: MediaServer, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leitmotif.collection.fetch.opt_out.MAX_S", 0.3)
    media.add("/robots.txt", b"#", kind="text/plain", endless=True, pause_s=0.02)
    assert fetch(media.add("/a.wav", tone()), attempts=1).failed == 1
    assert media.paths() == []


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_missing_reservation_reserves_nothing(media: MediaServer, fetch: Fetch, status: int) -> None:
    media.add("/.well-known/tdmrep.json", b"[]", statuses=[(status, {})])
    assert fetch(media.add("/a.wav", tone())).fetched == 1


def test_a_robots_txt_elsewhere_counts_and_one_inside_does_not(media: MediaServer, fetch: Fetch) -> None:
    media.add("/rules.txt", b"User-agent: *\nDisallow: /a\n", kind="text/plain")
    media.add("/robots.txt", location="/rules.txt")
    assert fetch(media.add("/a.wav", tone())).refused == 1
    media.add("/robots.txt", location="http://10.0.0.1/robots.txt")
    assert fetch(media.add("/ab.wav", tone())).fetched == 1


def test_a_pause_that_robots_txt_asks_for_is_kept(media: MediaServer, fetch: Fetch) -> None:
    media.add("/robots.txt", b"User-agent: *\nCrawl-delay: 0.2\n", kind="text/plain")
    summary = fetch(*(media.add(f"/{n}.wav", tone(pitch_hz=300 + n)) for n in range(4)), jobs=4, per_host=1)
    assert summary.fetched == 4
    assert summary.seconds >= 0.6


def test_an_endless_robots_txt_ends(media: MediaServer, fetch: Fetch) -> None:
    media.add("/robots.txt", b"#" * (1 << 16), kind="text/plain", endless=True)
    assert fetch(media.add("/a.wav", tone())).fetched == 1


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ([("X-Robots-Tag", "noindex, noai")], True),
        ([("X-Robots-Tag", "noindex"), ("X-Robots-Tag", "NoImageAI")], True),
        ([("X-Robots-Tag", "leitmotif-collect: noai")], True),
        ([("X-Robots-Tag", "otherbot: noai")], False),
        ([("X-Robots-Tag", "otherbot: noai"), ("X-Robots-Tag", "noai")], True),
        ([("X-Robots-Tag", "noindex, nofollow")], False),
        ([("X-Robots-Tag", "noai, otherbot: noindex")], True),
        ([("X-Robots-Tag", "otherbot: nofollow, noai")], False),
        ([("X-Robots-Tag", "unavailable_after: 25 Jun 2030 15:00:00 PST, noai")], True),
        ([("tdm-reservation", "1")], True),
        ([("TDM-Reservation", "0")], False),
        ([("tdm-reservation", "0"), ("tdm-reservation", "1;x=y")], True),
        ([("tdm-reservation", "²")], False),
        ([("Content-Usage", "train-ai=n")], True),
        ([("Content-Usage", "search=n"), ("content-usage", "train-ai=n;x")], True),
        ([("Content-Usage", "search=n, train-ai=y")], False),
        ([("Content-Signal", "ai-train=no")], True),
    ],
)
@pytest.mark.parametrize("path", ["/a.wav", "/watch"])
def test_headers_that_reserve_are_heeded(
    media: MediaServer, fetch: Fetch, headers: list[tuple[str, str]], refused: bool, path: str
) -> None:
    url = media.add(path, tone(), headers=headers)
    summary = fetch(url)
    assert (summary.refused, summary.fetched) == ((1, 0) if refused else (0, 1))
    if refused:
        assert fetch(url, ignore_robots=True, retry_failed=True).fetched == 1


@pytest.mark.parametrize(
    ("meta", "refused"),
    [
        ('<meta name="robots" content="noai, noimageai">', True),
        ("<META CONTENT='1' NAME='tdm-reservation'/>", True),
        ('<meta name="robots" content="noindex">', False),
        ('<meta name="description" content="noai">', False),
    ],
)
def test_pages_that_reserve_are_heeded(media: MediaServer, fetch: Fetch, meta: str, refused: bool) -> None:
    media.add("/v.wav", tone(), kind="audio/wav")
    html = f"<!doctype html><html><head>{meta}<title>A song</title></head><audio src='/v.wav'></audio></html>"
    summary = fetch(media.add("/watch", html))
    assert (summary.refused, summary.fetched) == ((1, 0) if refused else (0, 1))


def test_a_reservation_by_file_is_heeded_where_it_holds(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    reserved = [
        {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://example.org/policy"},
        {"location": "/open/*", "tdm-reservation": 0},
    ]
    media.add("/.well-known/tdmrep.json", json.dumps(reserved).encode(), kind="application/json")
    summary = fetch(media.add("/a.wav", tone()), media.add("/open/b.wav", tone()))
    assert (summary.fetched, summary.refused) == (1, 1)
    assert media.paths() == ["/open/b.wav"]
    assert "reserves text and data mining" in str([row["message"] for row in record()])


def test_preferences_in_robots_txt_are_heeded_where_they_hold(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    text = b"User-agent: *\nAllow: /\nContent-Usage: / train-ai=n\nContent-Usage: /open/ train-ai=y\n"
    media.add("/robots.txt", text, kind="text/plain")
    assert fetch(media.add("/a.wav", tone()), media.add("/open/b.wav", tone())).fetched == 1
    assert media.paths() == ["/open/b.wav"]
    assert "robots.txt of 127.0.0.1 reserves training (Content-Usage)" in str(record())


@pytest.mark.parametrize("odd", [1e999, "²", None, [], {}, -1, 10**400, "1_0", float("nan")])
def test_an_odd_entry_costs_no_other(media: MediaServer, fetch: Fetch, odd: object) -> None:
    entries = [{"location": "/", "tdm-reservation": 1}, {"location": "/x", "tdm-reservation": odd}]
    text = "\ufeff" + json.dumps([*entries, {"location": odd, "tdm-reservation": 1}, odd])
    media.add("/.well-known/tdmrep.json", text.encode(), kind="application/json")
    assert fetch(media.add("/a.wav", tone())).refused == 1


def test_a_reservation_too_long_to_read_reserves_all(media: MediaServer, fetch: Fetch) -> None:
    text = json.dumps([{"location": "/", "tdm-reservation": 1}] * 20_000)
    media.add("/.well-known/tdmrep.json", text.encode(), kind="application/json")
    assert fetch(media.add("/a.wav", tone())).refused == 1


def test_a_reservation_that_breaks_off_is_asked_for_again(media: MediaServer, fetch: Fetch) -> None:
    text = json.dumps([{"location": "/", "tdm-reservation": 1}]).encode()
    url = media.add("/a.wav", tone())
    media.add("/.well-known/tdmrep.json", text, kind="application/json", cut_after=[5])
    assert (fetch(url, attempts=1).failed, media.paths()) == (1, [])
    assert (fetch(url, attempts=1).refused, media.paths()) == (1, [])


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"location": 3}', '[{"location": "/"}]', "[" * 100_000])
def test_a_broken_reservation_reserves_nothing(media: MediaServer, fetch: Fetch, text: str) -> None:
    media.add("/.well-known/tdmrep.json", text.encode(), kind="application/json")
    assert fetch(media.add("/a.wav", tone())).fetched == 1


def test_the_sidecar_says_whether_robots_were_asked(
    media: MediaServer, fetch: Fetch, archive: Archive
) -> None:
    fetch(media.add("/a.wav", tone()))
    sidecar = next((archive.root / "media").rglob("*.info.json"))
    assert json.loads(sidecar.read_text())["leitmotif"]["robots"] == "asked"


def take_down(archive: Archive, *ids: str, reason: str = "the artist asked") -> None:
    archive.root.mkdir(parents=True, exist_ok=True)
    write_record(archive.root, [Removal(reason=reason, urls=ids)])


def test_an_address_that_was_taken_down_is_refused_in_any_spelling(
    media: MediaServer, fetch: Fetch, archive: Archive, record: Record
) -> None:
    url = media.add("/a.wav", tone())
    take_down(archive, url.replace("http", "HTTP") + "#t=3")
    assert fetch(url, media.add("/b.wav", tone())).refused == 1
    assert media.paths() == ["/b.wav"]
    # Only the takedown record may still name it.
    assert [row["outcome"] for row in record()] == ["fetched"]
    assert fetch(url, retry_failed=True).refused == 1
    assert "/a.wav" not in str(record())


def test_media_that_were_taken_down_are_refused_wherever_they_come_from(
    media: MediaServer, fetch: Fetch, archive: Archive, record: Record
) -> None:
    take_down(archive, hashlib.sha256(tone()).hexdigest().upper())
    mirror = media.add("/mirror.wav", tone())
    assert fetch(mirror).refused == 1
    assert record()[0]["message"] == "taken down (the artist asked)"
    fetch(mirror)
    assert media.paths() == ["/mirror.wav"]
    assert not (archive.root / "media").exists()
    assert not list(archive.partial.iterdir())


def test_a_file_that_was_fetched_before_is_not_counted_as_there_after_a_takedown(
    media: MediaServer, fetch: Fetch, archive: Archive
) -> None:
    url = media.add("/a.wav", tone())
    fetch(url)
    take_down(archive, url)
    for path in find_media([archive.root / "media"]):
        path.path.unlink()
    summary = fetch(url)
    assert (summary.already, summary.refused) == (0, 1)
    assert media.paths() == ["/a.wav"]


@pytest.mark.parametrize("kind", ["urls", "media_ids", "items"])
def test_what_the_takedown_command_recorded_is_refused(
    media: MediaServer, fetch: Fetch, archive: Archive, kind: str
) -> None:
    url = media.add("/a.wav", tone())
    ids = {"urls": url, "media_ids": hashlib.blake2b(tone(), digest_size=16).hexdigest()}
    line = {"at": "2026-01-01", "reason": "asked", "asked": url, kind: [ids.get(kind, Request(url=url).key)]}
    archive.root.mkdir(parents=True)
    (archive.root / "takedown.jsonl").write_text(json.dumps(line) + "\n")
    assert fetch(url, media.add("/b.wav", tone(2.0))).refused == 1
    assert media.paths().count("/a.wav") == (kind == "media_ids")


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=abcdefghijk&t=3",
        "https://youtu.be/abcdefghijk",
        "https://m.youtube.com/shorts/abcdefghijk",
        "https://www.youtube.com/embed/abcdefghijk",
    ],
)
def test_every_address_of_a_youtube_video_names_it(
    fetch: Fetch, archive: Archive, url: str, record: Record
) -> None:
    assert ids_in(url)[1:] == ("abcdefghijk", "youtube:abcdefghijk")
    take_down(archive, "youtube:abcdefghijk", reason="")
    assert fetch(url).refused == 1
    assert record() == []


@pytest.mark.parametrize("line", ["{", "[]", '{"digest": "abc"}', '{"id": "x"}', '{"digest": 3}', "\xff"])
def test_a_broken_takedown_list_is_set_aside_and_what_is_readable_of_it_is_refused(
    media: MediaServer, fetch: Fetch, archive: Archive, line: str
) -> None:
    wanted, unwanted = media.add("/a.wav", tone()), media.add("/b.wav", tone(2.0))
    take_down(archive, unwanted)
    path = archive.root / "takedown.jsonl"
    damaged = path.read_bytes() + line.encode("latin-1")
    path.write_bytes(damaged)
    assert fetch(wanted, unwanted).refused == 1
    assert media.paths() == ["/a.wav"]
    assert [aside.read_bytes() for aside in archive.root.glob("takedown.jsonl.damaged-*")] == [damaged]


def test_an_empty_list_refuses_nothing(tmp_path: Path) -> None:
    (tmp_path / "takedown.jsonl").write_text("\n\n")
    takedowns = read_takedowns(tmp_path)
    takedowns.refuse("anything", None, "")
    assert takedowns == read_takedowns(tmp_path / "nothing")
    with pytest.raises(Refused):
        TakedownList({"abc": ""}).refuse(None, " abc ")
