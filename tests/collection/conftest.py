"""A server of media, and runs that may ask it."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from media_server import MediaServer, serve

from leitmotif.collection import collector
from leitmotif.collection.collector import Tally, collect
from leitmotif.collection.container import Inspectors
from leitmotif.collection.guard import Guard
from leitmotif.collection.settings import Settings
from leitmotif.collection.shelf import COLUMNS, Shelf
from leitmotif.collection.sources import open_source
from leitmotif.shards.store import StageStore

HERE = Guard(frozenset({"127.0.0.1"}))


@pytest.fixture(scope="session")
def inspectors() -> Iterator[Inspectors]:
    with Inspectors(1).open() as opened:
        yield opened


@pytest.fixture(autouse=True)
def shared_inspectors(inspectors: Inspectors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the process that reads headers once, not for every run."""
    shared = SimpleNamespace(open=lambda: nullcontext(), inspect=inspectors.inspect)
    monkeypatch.setattr(collector, "Inspectors", lambda number: shared)


@pytest.fixture
def media() -> Iterator[MediaServer]:
    with serve(MediaServer()) as server:
        yield server


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "collected")


@pytest.fixture
def fetch(shelf: Shelf) -> Callable[..., Tally]:
    """Collect the sources named, without pauses."""

    def run(*words: str, **changed: Any) -> Tally:
        chosen = {"pause_s": 0.0, "backoff_s": 0.0, "guard": HERE, "jobs": 2} | changed
        return collect([open_source(word) for word in words], shelf, Settings(**chosen))

    return run


@pytest.fixture
def record(shelf: Shelf) -> Callable[[], list[dict[str, Any]]]:
    """Read what the record says of every item, by name."""

    def read() -> list[dict[str, Any]]:
        store = StageStore(shelf.root / "record", COLUMNS, scratch=shelf.partial)
        table: pa.Table = store.read(COLUMNS.names)
        rows: list[dict[str, Any]] = table.to_pylist()
        return sorted(rows, key=lambda row: row["wanted"])

    return read
