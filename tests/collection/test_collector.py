"""Collecting files from their own addresses."""

import errno
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.folder import find_media
from leitmotif.collection.guard import Guard
from leitmotif.collection.sidecar import find_sidecar, read_metadata
from leitmotif.storage.errors import OutsideError, UserError
from tests.collection.media_server import MediaServer, tone

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]


def url_list(folder: Path, urls: list[str]) -> str:
    path = folder / "urls.txt"
    path.write_text("# songs\n\n" + "\n".join(urls) + "\n")
    return str(path)


def test_a_list_of_addresses_becomes_files_with_what_is_known(
    media: MediaServer, fetch: Fetch, archive: Archive, tmp_path: Path
) -> None:
    urls = [media.add(f"/{n}.wav", tone(pitch_hz=200 + n)) for n in range(5)]
    summary = fetch(url_list(tmp_path, urls))
    assert (summary.wanted, summary.fetched, summary.left) == (5, 5, 0)
    assert summary.bytes == sum(len(page.body) for page in media.pages.values())
    found = find_media([archive.root / "media"])
    assert {file.path.read_bytes() for file in found} == {page.body for page in media.pages.values()}
    for file in found:
        sidecar = find_sidecar(file.path)
        assert sidecar is not None
        metadata = read_metadata(sidecar)
        assert metadata.source_url in urls
        assert metadata.license == "unknown"
        assert metadata.retrieved_at is not None
    assert not list(archive.partial.iterdir())


def test_what_is_there_is_not_fetched_again(media: MediaServer, fetch: Fetch) -> None:
    url = media.add("/a.wav", tone())
    fetch(url)
    summary = fetch(url)
    assert (summary.fetched, summary.already, summary.bytes) == (0, 1, 0)
    assert media.paths() == ["/a.wav"]


def test_a_file_that_was_deleted_or_cut_is_fetched_again(
    media: MediaServer, fetch: Fetch, archive: Archive
) -> None:
    url = media.add("/a.wav", tone())
    fetch(url)
    path = find_media([archive.root / "media"])[0].path
    path.write_bytes(b"short")
    assert fetch(url).fetched == 1
    assert path.read_bytes() == media.pages["/a.wav"].body


def test_an_address_given_twice_is_one_item(media: MediaServer, fetch: Fetch, tmp_path: Path) -> None:
    url = media.add("/a.wav", tone())
    assert fetch(url, url, url_list(tmp_path, [url])).wanted == 1


def test_a_lost_record_is_found_again_on_disk(
    media: MediaServer, fetch: Fetch, archive: Archive, record: Record
) -> None:
    url = media.add("/a.wav", tone())
    fetch(url)
    before = record()
    for part in (archive.root / "record").iterdir():
        part.unlink()
    assert fetch(url).fetched == 1
    assert media.paths() == ["/a.wav"]
    assert record()[0]["sha256"] == before[0]["sha256"]


def test_a_cut_connection_is_taken_up_where_it_broke(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    body = tone(2.0)
    url = media.add("/a.wav", body, cut_after=[10_000, 5_000])
    assert fetch(url).fetched == 1
    assert [asked for _, asked in media.asked] == ["", "bytes=10000-", "bytes=15000-"]
    assert record()[0]["attempts"] == 3
    assert record()[0]["size_bytes"] == len(body)


def test_a_later_run_takes_up_what_a_former_one_left(media: MediaServer, fetch: Fetch) -> None:
    url = media.add("/a.wav", tone(2.0), cut_after=[10_000])
    assert fetch(url, attempts=1).failed == 1
    assert fetch(url).fetched == 1
    assert media.asked[-1] == ("/a.wav", "bytes=10000-")


def test_a_file_that_changed_meanwhile_is_not_mixed(
    media: MediaServer, fetch: Fetch, archive: Archive
) -> None:
    url = media.add("/a.wav", tone(2.0), cut_after=[10_000])
    fetch(url, attempts=1)
    media.add("/a.wav", tone(2.0, pitch_hz=700.0), etag='"2"')
    assert fetch(url).fetched == 1
    assert find_media([archive.root / "media"])[0].path.read_bytes() == media.pages["/a.wav"].body


@pytest.mark.parametrize("facts", [{"etag": ""}, {"etag": 'W/"1"'}, {"ranges": False}])
def test_without_marks_or_ranges_a_file_is_fetched_anew(
    media: MediaServer, fetch: Fetch, archive: Archive, facts: dict[str, Any]
) -> None:
    url = media.add("/a.wav", tone(2.0), cut_after=[10_000], **facts)
    assert fetch(url).fetched == 1
    assert find_media([archive.root / "media"])[0].path.read_bytes() == media.pages["/a.wav"].body


def test_a_part_that_is_whole_already_is_not_fetched_again(
    media: MediaServer, fetch: Fetch, archive: Archive
) -> None:
    body = tone(2.0)
    url = media.add("/a.wav", body, cut_after=[10_000])
    fetch(url, attempts=1)
    part = next(archive.partial.glob("*.part"))
    part.write_bytes(body)
    summary = fetch(url)
    assert (summary.fetched, summary.bytes) == (1, 0)


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_a_server_in_trouble_is_asked_again(media: MediaServer, fetch: Fetch, status: int) -> None:
    url = media.add("/a.wav", tone(), statuses=[(status, {}), (status, {})])
    assert fetch(url).fetched == 1


def test_what_failed_for_a_while_is_tried_in_the_next_run_and_what_is_gone_is_not(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    down = media.add("/down.wav", tone(), statuses=[(503, {})] * 3)
    gone = media.url + "/gone.wav"
    assert fetch(down, gone).failed == 2
    assert {row["wanted"]: row["permanent"] for row in record()} == {down: False, gone: True}
    summary = fetch(down, gone)
    assert (summary.fetched, summary.failed) == (1, 1)
    assert media.paths().count("/gone.wav") == 1
    media.add("/gone.wav", tone())
    assert fetch(down, gone, retry_failed=True).fetched == 1


def test_a_short_wait_is_waited_and_a_long_one_stops_the_host(media: MediaServer, fetch: Fetch) -> None:
    short = media.add("/short.wav", tone(), statuses=[(429, {"Retry-After": "0"})])
    assert fetch(short).fetched == 1
    urls = [media.add(f"/{n}.wav", tone(), statuses=[(429, {"Retry-After": "3600"})]) for n in range(4)]
    summary = fetch(*urls, jobs=1, per_host=1)
    assert (summary.fetched, summary.failed, summary.left) == (0, 0, 4)
    assert "asks to wait 3600 s" in summary.stopped["127.0.0.1"]
    assert len(media.asked) == 3
    assert fetch(*urls[1:]).left == 3
    for page in media.pages.values():
        page.statuses.clear()
    assert fetch(*urls).fetched == 4


def test_a_host_that_answers_every_try_with_too_many_requests_is_left_alone(
    media: MediaServer, fetch: Fetch
) -> None:
    urls = [media.add(f"/{n}.wav", tone(), statuses=[(429, {})] * 3) for n in range(2)]
    summary = fetch(*urls, jobs=1)
    assert summary.left == 2
    assert "too many requests" in summary.stopped["127.0.0.1"]


def test_a_page_a_picture_and_noise_are_refused_with_the_reason(
    media: MediaServer, fetch: Fetch, record: Record, archive: Archive
) -> None:
    picture = media.add("/a.mp4", b"\x89PNG", kind="image/png")
    lie = media.add("/b.mp4", b"<!doctype html><html>not found", kind="video/mp4")
    noise = media.add("/c.mp4", bytes(range(256)) * 40, kind="video/mp4")
    playlist = media.add("/d.mp4", b"#EXTM3U\nfile:///etc/passwd\n", kind="video/mp4")
    summary = fetch(picture, lie, noise, playlist)
    assert summary.refused == 4
    messages = [row["message"] for row in record()]
    assert "'image/png'" in messages[0]
    assert "a web page" in messages[1]
    assert "not a video or audio container" in messages[2]
    assert "a playlist of other files" in messages[3]
    assert all(row["permanent"] for row in record())
    assert not list(archive.partial.iterdir())


def test_endless_and_large_bodies_end(media: MediaServer, fetch: Fetch, record: Record) -> None:
    endless = media.add("/endless.wav", bytes(1 << 16), endless=True)
    large = media.add("/large.wav", tone(3.0))
    assert fetch(endless, large, max_file_bytes=20_000).refused == 2
    assert "more than 20000 bytes came" in record()[0]["message"]
    assert f"has {len(tone(3.0))} bytes; the limit is 20000" in record()[1]["message"]
    assert media.whole["/large.wav"] <= 1


def test_a_server_that_never_answers_is_given_up(
    media: MediaServer, fetch: Fetch, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    media.hook = lambda path: time.sleep(0.6)
    with monkeypatch.context() as patched:
        patched.setattr("leitmotif.collection.bounded_socket.SILENCE_S", 0.2)
        assert fetch(media.add("/a.wav", tone()), attempts=2).failed == 1
    assert "nothing came for 0.2 s" in record()[0]["message"]
    assert record()[0]["attempts"] == 2
    media.hook = lambda path: None
    assert fetch(media.url + "/a.wav").fetched == 1


def test_a_drip_ends(media: MediaServer, fetch: Fetch, record: Record) -> None:
    url = media.add("/drip.wav", b"\0", endless=True, pause_s=0.01)
    assert fetch(url, max_item_s=0.3, attempts=1).failed == 1
    assert "longer than 0.3 s" in record()[0]["message"]


def test_a_long_file_is_refused(media: MediaServer, fetch: Fetch, record: Record) -> None:
    assert fetch(media.add("/a.wav", tone(5.0)), max_duration_s=2.0).refused == 1
    assert "5 s long; the limit is 2 s" in record()[0]["message"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://127.0.0.1:1/a.wav", "127.0.0.1, which is not a public address"),
        ("http://10.1.2.3/a.wav", "10.1.2.3, which is not a public address"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254, which is not"),
        ("http://[::1]/a.wav", "::1, which is not"),
        ("http://[::ffff:10.0.0.1]/a.wav", "which is not a public address"),
        ("http://0/a.wav", "which is not a public address"),
        ("http://2130706433/a.wav", "which is not a public address"),
        ("file:///etc/passwd", "has the scheme 'file'"),
        ("ftp://127.0.0.1/a.wav", "has the scheme 'ftp'"),
    ],
)
def test_a_redirect_to_a_place_inside_is_refused(
    media: MediaServer, fetch: Fetch, record: Record, target: str, reason: str
) -> None:
    # The server itself is reached by another name of this machine than the redirects lead to.
    start = media.add("/a.wav", location=target).replace("127.0.0.1", "localhost")
    assert fetch(start, guard=Guard(frozenset({"localhost"}))).refused == 1
    assert reason in record()[0]["message"]
    assert media.paths() == ["/a.wav"]


def test_the_start_is_held_to_the_same_rule(media: MediaServer, fetch: Fetch, record: Record) -> None:
    url = media.add("/a.wav", tone())
    assert fetch(url, guard=Guard()).refused == 1
    assert "--allow-host 127.0.0.1" in record()[0]["message"]
    assert media.asked == []


def test_redirects_are_followed_and_loops_end(media: MediaServer, fetch: Fetch, record: Record) -> None:
    media.add("/real.wav", tone())
    moved = media.add("/moved.wav", location="/real.wav")
    loop = media.add("/loop.wav", location="/loop.wav")
    summary = fetch(moved, loop)
    assert (summary.fetched, summary.refused) == (1, 1)
    assert "more than 10 redirects" in record()[0]["message"]


def test_the_budget_of_files_is_kept_to_the_file(media: MediaServer, fetch: Fetch, tmp_path: Path) -> None:
    words = url_list(tmp_path, [media.add(f"/{n}.wav", tone(pitch_hz=300 + n)) for n in range(10)])
    summary = fetch(words, max_files=3, jobs=4, per_host=4)
    assert (summary.fetched, summary.wanted) == (3, 3 + summary.left)
    assert "--max-files" in summary.stopped[""]
    assert len(media.asked) == 3
    assert fetch(words).fetched == 7


def test_the_budget_of_bytes_ends_within_a_file_whose_part_is_kept(media: MediaServer, fetch: Fetch) -> None:
    url = media.add("/a.wav", tone(60.0))
    summary = fetch(url, max_bytes=100_000)
    assert (summary.fetched, summary.failed, summary.left) == (0, 0, 1)
    assert fetch(url).fetched == 1
    assert media.asked[1][1].startswith("bytes=")


def test_a_host_is_asked_by_as_few_at_a_time_as_was_said(
    media: MediaServer, fetch: Fetch, tmp_path: Path
) -> None:
    urls = [media.add(f"/{n}.wav", tone(pitch_hz=300 + n), pause_s=0.005) for n in range(6)]
    fetch(url_list(tmp_path, urls), jobs=6, per_host=2)
    assert media.most_at_once == 2


def test_names_from_outside_never_become_paths(media: MediaServer, fetch: Fetch, archive: Archive) -> None:
    for name in ("/..%2f..%2fetc%2fpasswd.wav", "/$(touch%20x);`id`.wav", "/" + "a" * 3000 + ".wav"):
        fetch(media.add(name, tone()))
    names = [path.name for path in (archive.root / "media").rglob("*") if path.is_file()]
    assert len(names) == 6
    assert all(len(name.split(".")[0]) == 32 and name.split(".")[0].isalnum() for name in names)


def test_a_folder_in_use_is_one_clear_line(media: MediaServer, fetch: Fetch, archive: Archive) -> None:
    with archive.held(), pytest.raises(OutsideError, match="in use by another run"):
        fetch(media.add("/a.wav", tone()))


@pytest.mark.parametrize("text", ["ftp://a/b.mp4", "not an address", "http://a\n/etc/passwd"])
def test_a_list_with_something_else_in_it_is_one_clear_line(fetch: Fetch, tmp_path: Path, text: str) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(text)
    with pytest.raises(UserError, match="expected an address"):
        fetch(str(path))


def test_odd_addresses_and_surprises_cost_one_item_each(
    media: MediaServer, fetch: Fetch, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = f"http://{'a' * 70}.example/a.wav"
    spaced = media.add("/two words.wav", tone())
    nowhere = "http://nowhere.invalid/a.wav"
    summary = fetch(long, spaced, nowhere, attempts=1)
    assert (summary.refused, summary.fetched, summary.failed) == (1, 1, 1)
    monkeypatch.setattr(Archive, "adopt", lambda archive, request: {}["surprise"])
    summary = fetch(media.add("/b.wav", tone()))
    assert (summary.failed, summary.stopped) == (1, {})
    assert any("KeyError" in (row["message"] or "") for row in record())


def test_a_full_disk_ends_the_run_and_blames_no_item(
    media: MediaServer, fetch: Fetch, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Archive, "keep", keep)
        with pytest.raises(OSError, match="No space left"):
            fetch(*(media.add(f"/{n}.wav", tone()) for n in range(4)))
    assert record() == []
    assert fetch(*(media.add(f"/{n}.wav", tone()) for n in range(4))).fetched == 4


def test_the_threads_of_a_run_end_with_it(media: MediaServer, fetch: Fetch) -> None:
    before = threading.active_count()
    fetch(media.add("/a.wav", tone()))
    assert threading.active_count() <= before + 1


def test_the_sidecar_says_where_a_file_came_from(media: MediaServer, fetch: Fetch, archive: Archive) -> None:
    url = media.add("/a.wav", tone())
    fetch(url)
    info = json.loads(next((archive.root / "media").rglob("*.info.json")).read_text())
    assert info["original_url"] == url
    assert info["leitmotif"]["path"].endswith(".wav")
    assert info["duration"] == pytest.approx(0.5)
