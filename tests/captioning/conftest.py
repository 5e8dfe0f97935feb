"""A server that answers at once, for captioners that do not wait long for it."""

from collections.abc import Iterator

import pytest

from leitmotif.captioning import connection
from tests.captioning.fake_server import FakeServer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.05)
    for name in connection.KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server
