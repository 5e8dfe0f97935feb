"""Workers that die, and clusters that are lost: the run ends with one line, and no clip is blamed."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leitmotif.pipelines import curate, flow
from leitmotif.pipelines.runner import Batch
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import OutsideError


def batch_of(count: int) -> Batch:
    clips = tuple(Clip(f"clip{number}", Path(f"/videos/{number}.mp4")) for number in range(count))
    return Batch("ws", "plan", "separation", "fingerprint", clips, {}, {})


def raising(error: Exception) -> Any:
    def result() -> None:
        raise error

    return SimpleNamespace(result=result)


def run(monkeypatch: pytest.MonkeyPatch, error: Exception, *, clips: int = 5, workers: int = 2) -> str:
    monkeypatch.setattr(flow.measure_batch, "submit", lambda batch: raising(error))
    with pytest.raises(OutsideError) as caught:
        list(flow.run_in_tasks(iter([batch_of(clips)]), workers, ahead=1))
    return str(caught.value)


def test_a_batch_that_worker_after_worker_dies_of_is_one_line_with_stage_and_clips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import distributed

    killed = distributed.KilledWorker("measure-batch", SimpleNamespace(address="tcp://x"), 3)
    said = run(monkeypatch, killed)
    assert "died at stage separation, the last ones over '0.mp4', '1.mp4', '2.mp4' and 2 more" in said
    assert "fewer --workers than 2" in said and "\n" not in said
    assert "with workers that have more" in run(monkeypatch, killed, clips=1, workers=1)


def test_a_cluster_that_is_lost_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError

    for error in (
        FutureCancelledError("measure-batch", "scheduler-connection-lost"),
        CommClosedError("gone"),
    ):
        assert "the Dask cluster was lost at stage separation" in run(monkeypatch, error)


def test_what_a_batch_itself_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow.measure_batch, "submit", lambda batch: raising(KeyError("no such column")))
    with pytest.raises(KeyError, match="no such column"):
        list(flow.run_in_tasks(iter([batch_of(1)]), 2, ahead=1))


def test_here_no_batch_begins_before_the_one_before_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one would wait once more for a server that the first has given up."""
    (tmp_path / "a.mp4").write_text("never opened")
    begun = []

    def submit(batch: Batch) -> Any:
        begun.append(batch)
        return raising(OutsideError("the server has not answered"))

    def curate_some(*given: Any, run: Any, **options: Any) -> None:
        list(run(iter([batch_of(1), batch_of(2)])))

    monkeypatch.setattr(flow.measure_batch, "submit", submit)
    monkeypatch.setattr(flow, "curate", curate_some)
    monkeypatch.setattr(
        flow, "curate_flow", SimpleNamespace(with_options=lambda **options: lambda here: here.work())
    )
    with pytest.raises(OutsideError, match="has not answered"):
        flow.run_flow([tmp_path], Workspace(tmp_path / "ws"), make_plan("music-video", "embedded"))
    assert len(begun) == 1


class Deadly(str):
    """A plan that no worker survives reading."""

    def __reduce__(self) -> tuple[Any, ...]:
        return die_elsewhere, (os.getpid(),)


def die_elsewhere(home: int) -> Deadly:
    if os.getpid() != home:
        os._exit(1)
    return Deadly()


@pytest.mark.slow
def test_a_stage_that_kills_its_workers_ends_the_run_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in "ab":
        (source / f"{name}.mp4").write_text(f"no video {name}")
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-video", "embedded")
    cut = curate.missing_batches

    def deadly(*arguments: Any, **options: Any) -> Iterator[Batch]:
        return [replace(batch, plan=Deadly()) for batch in cut(*arguments, **options)]

    with monkeypatch.context() as patched:
        patched.setattr(curate, "missing_batches", deadly)
        with pytest.raises(OutsideError, match=r"died at stage probe, the last ones over '[ab].mp4'"):
            flow.run_flow([source], workspace, plan, workers=2)
    assert workspace.stores(plan).store("probe").parts() == []
    assert flow.run_flow([], workspace, plan).quarantined == 2
