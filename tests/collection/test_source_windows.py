"""Windows of one source: it is fetched once, cut for each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.fetch.inspect import ProbePool
from leitmotif.collection.folder import find_media
from leitmotif.collection.request import Request
from leitmotif.collection.sidecar import find_sidecar, read_metadata
from leitmotif.media.probe import probe
from tests.collection.media_server import MediaServer, tone

Fetch = Callable[..., CollectSummary]
Record = Callable[[], list[dict[str, Any]]]


def table(folder: Path, url: str, *windows: tuple[float, float]) -> str:
    path = folder / "windows.csv"
    path.write_text("url,start_s,end_s\n" + "".join(f"{url},{start},{end}\n" for start, end in windows))
    return str(path)


def starts(archive: Archive) -> dict[float, float]:
    """The length of each file by where its window begins."""
    found = {}
    for file in find_media([archive.root / "media"]):
        sidecar = find_sidecar(file.path)
        assert sidecar is not None
        found[read_metadata(sidecar).start_s or 0.0] = probe(file.path).duration_s
    return found


@pytest.mark.parametrize("jobs", [1, 4])
def test_windows_of_one_file_are_one_download(
    media: MediaServer, fetch: Fetch, archive: Archive, tmp_path: Path, jobs: int
) -> None:
    url = media.add("/song.wav", tone(6.0))
    summary = fetch(table(tmp_path, url, (0, 1), (1, 3), (2.5, 5.5)), jobs=jobs, per_host=jobs)
    assert (summary.wanted, summary.fetched, summary.left) == (3, 3, 0)
    assert media.paths() == ["/song.wav"]
    assert starts(archive) == pytest.approx({0.0: 1.0, 1.0: 2.0, 2.5: 3.0}, abs=1e-3)
    assert not list(archive.partial.iterdir())
    assert summary.bytes == len(media.pages["/song.wav"].body)


def test_windows_share_a_source_in_the_catalog(
    media: MediaServer, fetch: Fetch, archive: Archive, tmp_path: Path
) -> None:
    url = media.add("/song.wav", tone(3.0))
    fetch(table(tmp_path, url, (0, 1), (1, 2)), media.add("/other.wav", tone()))
    sidecars = [find_sidecar(file.path) for file in find_media([archive.root / "media"])]
    sources = [read_metadata(sidecar).source_id for sidecar in sidecars if sidecar]
    first = Request(url=url, start_s=0.0, end_s=1.0)
    assert sorted(filter(None, sources)) == [first.source_key] * 2
    assert sources.count(None) == 1


def test_one_window_beyond_the_end_costs_only_itself(
    media: MediaServer, fetch: Fetch, record: Record, tmp_path: Path
) -> None:
    url = media.add("/song.wav", tone(2.0))
    summary = fetch(table(tmp_path, url, (5, 6), (0, 1)), jobs=1)
    assert (summary.fetched, summary.refused) == (1, 1)
    assert media.paths() == ["/song.wav"]
    assert any("begins at 5 s; the file is 2.0 s long" in (row["message"] or "") for row in record())


def test_windows_of_what_is_gone_or_down_ask_for_it_no_more_than_one_would(
    media: MediaServer, fetch: Fetch, record: Record, tmp_path: Path
) -> None:
    gone = table(tmp_path, media.url + "/gone.wav", (0, 1), (1, 2), (2, 3))
    assert fetch(gone).failed == 3
    assert media.paths() == ["/gone.wav"]
    assert all(row["permanent"] for row in record())
    down = table(tmp_path, media.add("/down.wav", tone(3.0), statuses=[(503, {})] * 3), (0, 1), (1, 2))
    assert fetch(down).failed == 2
    assert media.paths().count("/down.wav") == 3
    assert fetch(down).fetched == 2


def test_the_budget_of_files_counts_windows(
    media: MediaServer, fetch: Fetch, archive: Archive, tmp_path: Path
) -> None:
    words = table(tmp_path, media.add("/song.wav", tone(6.0)), *((n, n + 1) for n in range(5)))
    summary = fetch(words, max_files=2)
    assert (summary.wanted, summary.fetched, summary.left) == (5, 2, 3)
    summary = fetch(words)
    assert (summary.already, summary.fetched, summary.left) == (2, 3, 0)
    assert len(starts(archive)) == 5


def test_a_window_after_a_limit_is_left_for_later(media: MediaServer, fetch: Fetch, tmp_path: Path) -> None:
    url = media.add("/song.wav", tone(3.0), statuses=[(429, {"Retry-After": "3600"})])
    words = table(tmp_path, url, (0, 1), (1, 2))
    summary = fetch(words, jobs=1)
    assert (summary.wanted, summary.left, summary.failed) == (2, 2, 0)
    assert fetch(words).fetched == 2


def test_a_source_that_came_whole_before_a_crash_does_not_come_again(
    media: MediaServer,
    fetch: Fetch,
    archive: Archive,
    tmp_path: Path,
    probes: ProbePool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = tone(90.0)  # large enough to lie on disk while it comes
    words = table(tmp_path, media.add("/song.wav", body), (0, 1), (1, 2))
    with monkeypatch.context() as patched:
        patched.setattr(probes, "run", lambda *_, **__: exit("the machine died"))
        with pytest.raises(SystemExit):
            fetch(words, jobs=1)
    summary = fetch(words)
    assert (summary.fetched, summary.bytes) == (2, 0)
    assert media.asked[1:] == [("/song.wav", f"bytes={len(body)}-")]
    assert not list(archive.partial.iterdir())
