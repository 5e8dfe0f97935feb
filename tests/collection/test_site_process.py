"""What pages do to yt-dlp costs the page, not the run."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.errors import HostStopped, Refused, RunStopped, Unavailable
from leitmotif.collection.fetch import fetcher, site_process
from leitmotif.collection.fetch.budget import Budget, Meter
from leitmotif.collection.fetch.site_process import SiteProcess
from leitmotif.collection.fetch.video_site import Playlist, Video
from leitmotif.collection.folder import find_media
from leitmotif.collection.settings import Settings
from tests.collection.conftest import HERE
from tests.collection.media_server import MediaServer, tone

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]
SETTINGS = Settings(guard=HERE)
# An expression of yt-dlp's takes a time that grows with the cube of their number.
TRAP = "<html><head>" + "jwplayer('a')." * 2000


@pytest.fixture(scope="module")
def site() -> Iterator[SiteProcess]:
    opened = SiteProcess(SETTINGS)
    yield opened
    opened.close()


@pytest.fixture
def meter() -> Meter:
    return Meter(Budget(SETTINGS), SETTINGS)


def test_a_page_that_keeps_an_expression_busy_is_refused_and_the_next_one_read(
    media: MediaServer, site: SiteProcess, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    media.add("/v.mp4", tone(), kind="video/mp4")
    page = media.add("/watch", '<html><title>A song</title><video src="/v.mp4"></video></html>')
    assert isinstance(site.resolve(page, meter), Video)
    with monkeypatch.context() as patched, pytest.raises(Refused, match="more than 1 s of processor time"):
        patched.setattr(site_process, "MOST_BUSY_S", 1.0)
        site.resolve(media.add("/trap", TRAP), meter)
    found = site.resolve(page, meter)
    assert isinstance(found, Video)
    assert found.formats[0]["url"] == f"{media.url}/v.mp4"
    assert meter.bytes > len(TRAP)


def test_the_end_of_the_run_ends_an_expression_that_is_busy(media: MediaServer, site: SiteProcess) -> None:
    budget = Budget(SETTINGS)
    threading.Timer(2.0, budget.interrupt).start()
    began_s = time.monotonic()
    with pytest.raises(RunStopped, match="interrupted"):
        site.resolve(media.add("/trap", TRAP), Meter(budget, SETTINGS))
    assert time.monotonic() - began_s < site_process.MOST_BUSY_S


def test_errors_and_lists_come_back_as_they_are(media: MediaServer, site: SiteProcess, meter: Meter) -> None:
    with pytest.raises(Refused, match="not a public address"):
        site.resolve(media.add("/inside", location="http://10.0.0.1/"), meter)
    busy = media.add("/busy", "", statuses=[(429, {"Retry-After": "900"})] * 9)
    with pytest.raises(HostStopped, match="wait 900 s"):
        site.resolve(busy, meter)
    soon = media.add("/soon", "", statuses=[(429, {"Retry-After": "7"})] * 9)
    with pytest.raises(Unavailable) as waited:
        site.resolve(soon, meter)
    assert waited.value.wait_s == 7.0
    videos = "".join(
        f'<video src="{media.add(f"/{n}.mp4", tone(), kind="video/mp4")}"></video>' for n in (1, 2)
    )
    assert site.resolve(media.add("/two", f"<html>{videos}</html>"), meter) == Playlist((None, None))


def test_a_child_that_is_lost_costs_a_try(media: MediaServer, site: SiteProcess, meter: Meter) -> None:
    page = media.add("/watch", f'<video src="{media.add("/v.mp4", tone(), kind="video/mp4")}"></video>')
    site.resolve(page, meter)
    assert site._process is not None
    os.kill(site._process.pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="was lost"):
        site.resolve(page, meter)
    assert isinstance(site.resolve(page, meter), Video)


def test_a_run_reads_pages_and_streams_in_a_child(
    media: MediaServer, fetch: Fetch, archive: Archive, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[SiteProcess] = []

    def open_site(settings: Settings) -> SiteProcess:
        opened.append(SiteProcess(settings))
        return opened[-1]

    monkeypatch.setattr(fetcher, "SiteProcess", open_site)
    media.add("/0.wav", tone(1.0))
    listing = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\n0.wav\n#EXT-X-ENDLIST\n"
    url = media.add("/list.m3u8", listing.encode(), kind="application/vnd.apple.mpegurl")
    summary = fetch(url, jobs=1)
    assert summary.fetched == 1, record()
    assert summary.bytes > len(tone(1.0))
    assert len(find_media([archive.root / "media"])) == 1
    assert [site._process for site in opened] == [None]
