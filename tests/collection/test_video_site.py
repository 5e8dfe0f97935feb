"""Collecting from pages, through yt-dlp."""

import gc
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.fetch.video_site import Video, VideoSite
from leitmotif.collection.folder import find_media
from leitmotif.collection.guard import Guard
from leitmotif.collection.sidecar import read_metadata
from leitmotif.media.probe import probe
from tests.collection.media_server import MediaServer, tone

# yt-dlp leaves a file it writes open for the garbage collector when a stream ends with an error.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    yield
    gc.collect()


def film(form: str = "mp4", *, frames: int = 10, audio: bool = False) -> bytes:
    """A small film of noise."""
    file, noise = io.BytesIO(), np.random.default_rng(0)
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(frames):
            picture = noise.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def page(*sources: str, title: str = "A song") -> str:
    videos = "".join(f'<video src="{source}"></video>' for source in sources)
    return f"<!doctype html><html><head><title>{title}</title></head><body>{videos}</body></html>"


def test_the_video_of_a_page_is_fetched(
    media: MediaServer, fetch: Fetch, archive: Archive, record: Record
) -> None:
    media.add("/v.mp4", film(), kind="video/mp4")
    url = media.add("/watch", page("/v.mp4"))
    assert fetch(url).fetched == 1
    assert find_media([archive.root / "media"])[0].path.suffix == ".mp4"
    assert record()[0]["url"] == url
    assert fetch(url).already == 1
    assert media.whole["/v.mp4"] == 1


def test_media_behind_an_address_without_an_ending_is_fetched(media: MediaServer, fetch: Fetch) -> None:
    assert fetch(media.add("/stream", tone())).fetched == 1


def test_several_videos_of_a_page_are_several_items(
    media: MediaServer, fetch: Fetch, archive: Archive
) -> None:
    for n in range(3):
        media.add(f"/{n}.mp4", film(frames=5 + n), kind="video/mp4")
    url = media.add("/watch", page("/0.mp4", "/1.mp4", "/2.mp4"))
    summary = fetch(url)
    assert (summary.wanted, summary.fetched) == (3, 3)
    sizes = {file.path.stat().st_size for file in find_media([archive.root / "media"])}
    assert sizes == {len(media.pages[f"/{n}.mp4"].body) for n in range(3)}
    assert fetch(url, max_playlist=2).wanted == 2


def test_a_page_that_hides_a_place_inside_is_refused(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    port = media.url.rpartition(":")[2]
    media.add("/v.mp4", film(), kind="video/mp4")
    inside = f"http://127.0.0.1:{port}/v.mp4"
    direct = media.add("/direct", page(inside)).replace("127.0.0.1", "localhost")
    moved = media.add("/moved", location=f"http://127.0.0.1:{port}/other").replace("127.0.0.1", "localhost")
    assert fetch(direct, moved, guard=Guard(frozenset({"localhost"}))).refused == 2
    assert all("not a public address" in row["message"] for row in record())
    assert "/v.mp4" not in media.paths()
    assert "/other" not in media.paths()


def test_a_page_without_end_ends(media: MediaServer, fetch: Fetch, record: Record) -> None:
    url = media.add("/watch", b"<html>" + b" " * (1 << 20), kind="text/html", endless=True)
    assert fetch(url).refused == 1
    assert "a page of more than" in record()[0]["message"]


def test_a_stream_of_pieces_is_fetched_natively(media: MediaServer, fetch: Fetch, archive: Archive) -> None:
    media.add("/0.ts", film("mpegts"), kind="video/mp2t")
    listing = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\n0.ts\n#EXT-X-ENDLIST\n"
    url = media.add("/list.m3u8", listing.encode(), kind="application/vnd.apple.mpegurl")
    assert fetch(url).fetched == 1
    assert find_media([archive.root / "media"])[0].path.suffix == ".ts"


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ('#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:1.0,\n0.ts\n', "encrypted, live or of a kind"),
        ("#EXTINF:1.0,\nhttp://10.0.0.1/0.ts\n", "not a public address"),
        ("#EXTINF:1.0,\nfile:///etc/passwd\n", "file"),
    ],
)
def test_a_stream_that_leads_elsewhere_or_is_locked_is_refused(
    media: MediaServer, fetch: Fetch, record: Record, inside: str, reason: str
) -> None:
    listing = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{inside}#EXT-X-ENDLIST\n"
    url = media.add("/list.m3u8", listing.encode(), kind="application/vnd.apple.mpegurl")
    summary = fetch(url)
    assert summary.refused == 1, record()
    assert reason in record()[0]["message"]


def test_a_page_that_holds_nothing_is_gone(media: MediaServer, fetch: Fetch, record: Record) -> None:
    assert fetch(media.add("/words", "<html><body>words</body></html>")).failed == 1
    assert record()[0]["permanent"]


def test_a_page_that_limits_stops_the_host(media: MediaServer, fetch: Fetch) -> None:
    url = media.add("/watch", page("/v.mp4"), statuses=[(429, {"Retry-After": "900"})] * 9)
    summary = fetch(url, media.add("/other", page("/v.mp4")), jobs=1)
    assert summary.left == 2
    assert "wait 900 s" in summary.stopped["127.0.0.1"]


def test_plugins_are_not_loaded_and_cookies_are_left_as_they_are(
    media: MediaServer, fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "yt_dlp_plugins" / "extractor" / "evil.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("raise SystemExit('a plugin was loaded')\n")
    monkeypatch.syspath_prepend(tmp_path)
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tname\tvalue\n")
    before = cookies.read_bytes()
    media.add("/v.mp4", film(), kind="video/mp4")
    assert fetch(media.add("/watch", page("/v.mp4")), cookies=cookies).fetched == 1
    assert cookies.read_bytes() == before


def test_picture_and_sound_are_joined_unchanged(
    media: MediaServer, fetch: Fetch, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats = tuple(
        {"url": url, "protocol": "http", "format_id": name}
        for name, url in (
            ("v", media.add("/picture", film(), kind="video/mp4")),
            ("a", media.add("/sound", tone(1.0, form="FLAC"), kind="audio/flac")),
        )
    )
    info = {"title": "A song", "license": "CC-BY", "uploader": "Ann", "webpage_url": media.url + "/watch"}
    monkeypatch.setattr(VideoSite, "resolve", lambda *_, **__: Video(info, formats))
    assert fetch(media.url + "/watch").fetched == 1
    path = find_media([archive.root / "media"])[0].path
    found = probe(path)
    assert (found.has_video, found.audio_codec, found.width) == (True, "flac", 64)
    metadata = read_metadata(path.with_suffix(".info.json"))
    assert (metadata.license, metadata.uploader, metadata.title) == ("CC-BY", "Ann", "A song")


@pytest.mark.parametrize("video", [True, False])
def test_a_window_is_cut_to_the_frame(
    media: MediaServer, fetch: Fetch, archive: Archive, tmp_path: Path, video: bool
) -> None:
    body = film(frames=40) if video else tone(4.0, rate_hz=16000)
    media.add("/whole", body, kind="video/mp4" if video else "audio/wav")
    table = tmp_path / "list.csv"
    table.write_text(f'url,start_s,end_s,labels\n{media.url}/whole,1.5,3.0,"music,pop"\n')
    assert fetch(str(table)).fetched == 1
    path = find_media([archive.root / "media"])[0].path
    assert probe(path).duration_s == pytest.approx(1.5, abs=0.02)
    metadata = read_metadata(path.with_suffix(".info.json"))
    assert (metadata.start_s, metadata.end_s) == (1.5, 3.0)
    assert not list(archive.partial.iterdir())


def test_a_window_beyond_the_end_is_refused(
    media: MediaServer, fetch: Fetch, tmp_path: Path, record: Record
) -> None:
    table = tmp_path / "list.csv"
    table.write_text(f"url,start_s,end_s\n{media.add('/a.wav', tone(1.0))},5,6\n")
    assert fetch(str(table)).refused == 1
    assert "begins at 5 s; the file is 1.0 s long" in record()[0]["message"]


def test_a_chart_fetches_the_official_video_and_says_why(
    media: MediaServer, fetch: Fetch, tmp_path: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def search(site: VideoSite, words: str, meter: object) -> list[dict[str, Any]]:
        asked.append(words)
        official = {"title": "Ann - Air (Official Video)", "channel": "Ann", "url": media.url + "/watch"}
        return [{"title": "Ann - Air (Lyrics)", "url": media.url + "/lyrics"}, official]

    monkeypatch.setattr(VideoSite, "search", search)
    media.add("/v.mp4", film(), kind="video/mp4")
    media.add("/watch", page("/v.mp4"))
    chart = tmp_path / "chart.csv"
    chart.write_text("artist,title\nAnn,Air\nBob,Nothing\n")
    summary = fetch(str(chart))
    assert asked == ["Ann Air Official Music Video", "Bob Nothing Official Music Video"]
    assert (summary.fetched, summary.refused) == (1, 1)
    fetched, refused = record()
    assert any("a lyric video" in reason for reason in fetched["reasons"])
    assert "no official video found for Bob - Nothing" in refused["message"]


def test_a_page_that_is_not_packed_as_it_says_is_told(
    media: MediaServer, fetch: Fetch, record: Record
) -> None:
    url = media.add("/watch", page("/v.mp4"), headers=[("Content-Encoding", "gzip")])
    assert fetch(url, attempts=1).failed == 1
    assert "not packed as its Content-Encoding says" in record()[0]["message"]
