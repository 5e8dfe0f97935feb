"""A server of media, and runs that may ask it."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trustme

from leitmotif.collection import collector
from leitmotif.collection.archive import COLUMNS, Archive
from leitmotif.collection.collector import CollectSummary, collect
from leitmotif.collection.fetch import fetcher
from leitmotif.collection.fetch.inspect import ProbePool
from leitmotif.collection.fetch.video_site import VideoSite
from leitmotif.collection.guard import Guard
from leitmotif.collection.settings import Settings
from leitmotif.collection.sources.open import open_source
from leitmotif.storage.table import AppendOnlyTable
from tests.collection.media_server import MediaServer, serve

HERE = Guard(frozenset({"127.0.0.1"}))


@pytest.fixture(scope="session")
def probes() -> Iterator[ProbePool]:
    with ProbePool(1).open() as opened:
        yield opened


@pytest.fixture(autouse=True)
def shared_inspectors(probes: ProbePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the process that reads headers once, not for every run."""
    monkeypatch.setattr(probes, "open", lambda: nullcontext())
    monkeypatch.setattr(collector, "ProbePool", lambda number: probes)


class SiteHere(VideoSite):
    """Reads pages in this process, where tests see what it does."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def sites_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no process for the pages of each run."""
    monkeypatch.setattr(fetcher, "SiteProcess", SiteHere)


@pytest.fixture
def media() -> Iterator[MediaServer]:
    with serve(MediaServer()) as server:
        yield server


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "collected")


@pytest.fixture
def fetch(archive: Archive) -> Callable[..., CollectSummary]:
    """Collect the sources named, without pauses."""

    def run(*words: str, **changed: Any) -> CollectSummary:
        chosen = {"pause_s": 0.0, "backoff_s": 0.0, "guard": HERE, "jobs": 2} | changed
        return collect([open_source(word) for word in words], archive, Settings(**chosen))

    return run


@pytest.fixture
def record(archive: Archive) -> Callable[[], list[dict[str, Any]]]:
    """Read what the record says of every item, by name."""

    def read() -> list[dict[str, Any]]:
        store = AppendOnlyTable(archive.root / "record", COLUMNS, scratch=archive.partial)
        table: pa.Table = store.read(COLUMNS.names)
        rows: list[dict[str, Any]] = table.to_pylist()
        return sorted(rows, key=lambda row: row["wanted"])

    return read


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of this machine, its key, and the authority behind it, unknown to all."""
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "key-and-cert.pem"))
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return folder


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    """What a server needs for encrypted connections."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate / "key-and-cert.pem")
    return made
