"""A source that is replaced under a run: nothing is stored of it under the hash of what it was."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from leitmotif.media.errors import DecodeFailed
from leitmotif.pipelines import runner
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runner import Batch, missing_batches, run_batch
from leitmotif.pipelines.stage import Clip
from leitmotif.pipelines.workspace import Workspace
from tests.pipelines.conftest import GOOD

Change = Callable[[Path], object]


def put(path: Path, text: str) -> None:
    """Put another file in the place of one, as a download that ends does."""
    other = path.with_name("other")
    other.write_text(text)
    other.replace(path)


def put_unseen(path: Path, text: str) -> None:
    """Put another file of the same size and time in the place of one."""
    status = path.stat()
    put(path, text)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def standing_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have every stage give good numbers, and do something to a file once it has "read" it."""

    def stand_in(at: str, name: str, change: Change, *, error: Exception | None = None) -> None:
        done: list[str] = []

        class Stage:
            def __init__(self, stage: str) -> None:
                self.stage = stage

            def measure(self, clips: Sequence[Clip]) -> Iterable[Any]:
                for clip in clips:
                    result: Any = dict(GOOD[self.stage])
                    if self.stage == at and clip.path.stem == name and not done:
                        change(clip.path)
                        done.append(name)
                        result = error or result
                    yield result

        monkeypatch.setattr(runner, "_opened_now", lambda batch: Stage(batch.stage))

    return stand_in


def probe_batch(workspace: Workspace, plan: Plan) -> Batch:
    ledger = Ledger(workspace.stores(plan))
    ledger.decide()
    (batch,) = missing_batches(ledger.kinds[0], "probe", ledger.entries)
    return batch


CHANGES: dict[str, tuple[Change, bool]] = {
    "other bytes": (lambda path: put(path, "two!"), True),
    "other bytes of the same size": (lambda path: put(path, "2"), True),
    "other bytes of the same size and time": (lambda path: put_unseen(path, "2"), True),
    "more bytes": (lambda path: append(path, "more"), True),
    "no bytes": (lambda path: path.write_text(""), True),
    "only another time": (lambda path: os.utime(path), False),
    "only other permissions": (lambda path: path.chmod(0o600), False),
    "the same bytes again": (lambda path: put(path, "1"), False),
    "deleted once it was read": (lambda path: path.unlink(), False),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("error", [None, DecodeFailed("cut")], ids=["measured", "failed"])
def test_of_a_source_that_changes_while_it_is_read_nothing_is_stored(
    name: str,
    error: Exception | None,
    catalogue: Callable[..., list[str]],
    standing_in: Callable[..., None],
    workspace: Workspace,
    plan: Plan,
) -> None:
    change, drops = CHANGES[name]
    ids = catalogue(a="1", b="b")
    standing_in("probe", "a", change, error=error)
    batch = probe_batch(workspace, plan)
    result = run_batch(batch)
    stored = workspace.stores(plan).store("probe").index()["clip_id"].to_pylist()
    assert stored == sorted(ids[1:] if drops else ids)
    assert [Path(path).stem for path in result.changed] == (["a"] if drops else [])
    assert result.measured + result.failed == len(stored)


def test_a_source_that_was_replaced_before_its_turn_is_seen_as_well(
    catalogue: Callable[..., list[str]],
    standing_in: Callable[..., None],
    workspace: Workspace,
    plan: Plan,
    tmp_path: Path,
) -> None:
    catalogue(a="1")
    batch = probe_batch(workspace, plan)
    put(tmp_path / "source" / "a.mp4", "2")
    standing_in("probe", "none", lambda path: None)
    assert len(run_batch(batch).changed) == 1
    assert workspace.stores(plan).store("probe").parts() == []


def test_a_changed_source_is_told_in_one_line_and_measured_by_the_next_run_as_it_is_now(
    standing_in: Callable[..., None],
    workspace: Workspace,
    plan: Plan,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in "abc":
        (source / f"{name}.mp4").write_text(name)
    standing_in("motion", "b", lambda path: put(path, "another"))
    first = curate([source], workspace, plan)
    lines = [line for line in caplog.messages if "changed while it was read" in line]
    assert lines == [
        f"{source / 'b.mp4'}: changed while it was read; what was measured of it is left out, run again"
    ]
    assert (first.catalogued, first.kept, first.rejected, first.quarantined) == (2, 2, 0, 0)
    second = curate([], workspace, plan)
    assert (second.catalogued, second.kept) == (3, 3)
    assert second.computed["motion"] == 1 and second.computed["probe"] == 1
