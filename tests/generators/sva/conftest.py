"""A server of schemes that answers at once, and is not waited for for long."""

import pytest

from leitmotif.captioning import connection
from leitmotif.generators.sva import writer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(writer, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(writer, "PATIENCE_S", 0.3)
    for name in connection.KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
