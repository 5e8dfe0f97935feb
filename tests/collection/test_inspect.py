"""Files that came are looked into, whatever a decoding process answers."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from leitmotif.collection.errors import Refused
from leitmotif.collection.fetch import inspect
from leitmotif.collection.fetch.inspect import ProbePool
from leitmotif.collection.settings import Settings
from leitmotif.media.probe import Probe


def answers_nothing(paths: Sequence[Path]) -> list[Probe | Exception]:
    """Answer as a process that a file took over."""
    return []


def test_a_process_that_answers_for_other_files_lets_nobody_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "probe_all", answers_nothing)
    pool = ProbePool(1)
    with pool.open():
        for _ in range(2):
            with pytest.raises(Refused, match="no valid answer"):
                pool.inspect(tmp_path / "a.mp4", Settings())
