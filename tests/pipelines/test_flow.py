"""The flow on a running Dask scheduler, as on a cluster."""

import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import cloudpickle
import pytest

from leitmotif.demo.corpus import render_corpus
from leitmotif.pipelines import flow
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.flow import StaysHere, run_flow
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import OutsideError, RunError, UserError


def test_a_scheduler_that_does_not_answer_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed
    import prefect_dask  # noqa: F401  (it derives from the class that is replaced below)

    def refuse(address: str, **options: object) -> None:
        raise OSError(f"Timed out trying to connect to {address}")

    monkeypatch.setattr(distributed, "Client", refuse)
    plan = make_plan("music-video", "embedded")
    (tmp_path / "song.mp3").touch()
    with pytest.raises(OutsideError, match="no Dask scheduler answers"):
        run_flow([tmp_path / "song.mp3"], Workspace(tmp_path / "ws"), plan, scheduler="tcp://127.0.0.1:1")


class Bars:
    """Shows progress as on a terminal: with a lock, which cannot be sent to a worker."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def tell(self, stage: str, done: int, total: int, note: str = "") -> None:
        with self.lock:
            pass


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (["nope"], "does not exist"),
        (["https:/a.example/v"], "is an address"),
        (["empty"], "holds no media file"),
        ([], "no source was given"),
        (["song.mp3"], "is in use by another run"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_started_or_written(
    sources: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flow, "curate_flow", None)
    Path("empty").mkdir()
    Path("song.mp3").touch()
    workspace = Workspace(Path("ws"))
    with ExitStack() as held:
        if "in use" in said:
            held.enter_context(workspace.held())
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(RunError, match=said):
            run_flow(list(map(Path, sources)), workspace, make_plan("music-track", "embedded"))
    assert sorted(tmp_path.rglob("*")) == before


def test_what_shows_progress_is_not_sent_along_with_every_task() -> None:
    work = partial(curate, [], on_progress=Bars().tell)
    with pytest.raises(TypeError, match="RLock"):
        cloudpickle.dumps(work)
    assert cloudpickle.loads(cloudpickle.dumps(StaysHere(work))).work is None


def test_one_worker_measures_without_a_server_that_does_not_come_up_and_several_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no interpreter starts with it
    monkeypatch.setattr("prefect_dask.DaskTaskRunner", lambda **options: None)
    (tmp_path / "song.mp3").write_text("no sound")
    given = [tmp_path / "song.mp3"], Workspace(tmp_path / "ws"), make_plan("music-track", "embedded")
    with pytest.raises(OutsideError, match="did not start"):
        run_flow(*given, workers=2)
    with pytest.raises(UserError, match="a run is only starting there, or ended while it did"):
        given[1].plan()
    assert run_flow(*given).catalogued == 1
    assert "this process measures without it" in caplog.text


@pytest.mark.slow
def test_a_running_scheduler_gives_the_same_counts_as_one_process(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    render_corpus(videos, clips=2, seed=3, duration_s=4.0, size=(160, 90))
    plan = make_plan("music-video", "embedded")
    here = curate([videos], Workspace(tmp_path / "here"), plan)
    address = "tcp://127.0.0.1:18786"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "18786", "--no-dashboard"]
    worker = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        address,
        "--nthreads",
        "1",
        "--no-dashboard",
    ]
    running = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for command in (dask, worker)]
    try:
        there = run_flow(
            [videos], Workspace(tmp_path / "there"), plan, scheduler=address, on_progress=Bars().tell
        )
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()
    assert (there.kept, there.computed) == (here.kept, here.computed)


def test_sigterm_stays_with_whoever_had_it_while_a_flow_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(
        flow, "curate", lambda *given, **options: seen.append(signal.getsignal(signal.SIGTERM))
    )
    mine = lambda *_: None  # noqa: E731
    before = signal.signal(signal.SIGTERM, mine)
    try:
        (tmp_path / "song.mp3").touch()
        run_flow([tmp_path / "song.mp3"], Workspace(tmp_path / "ws"), make_plan("music-track", "embedded"))
        assert seen == [mine] and signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
