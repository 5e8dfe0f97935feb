"""How far a workspace is: before, during and after runs, and after their violent end."""

import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from leitmotif.cli import status as command
from leitmotif.demo.corpus import render_corpus
from leitmotif.pipelines.advice import name_quarantined
from leitmotif.pipelines.curate import Summary, curate
from leitmotif.pipelines.entries import Outcome
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runner import Batch
from leitmotif.pipelines.runs.log import FOLDER, BatchResult, Failure, SlowClip, group_failures
from leitmotif.pipelines.runs.read import LoggedRun, LoggedStage, latest_run
from leitmotif.pipelines.runs.status import StageStatus, Status, look
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.storage.table import AppendOnlyTable

Catalogue = Callable[..., list[str]]
Measure = Callable[..., Stores]


def stages_of(status: Status) -> dict[str, StageStatus]:
    return {stage.stage: stage for stage in status.stages}


def counts_of(summary: Summary) -> dict[str, int]:
    return {key: getattr(summary, key) for key in ("catalogued", "kept", "rejected", "quarantined")}


def look_at(workspace: Workspace) -> Status:
    return look(workspace, latest_run(workspace.root))


def pretend(batches: Iterator[Batch], stores: Stores) -> Iterator[BatchResult]:
    """Run batches without media or models: "b.mp4" is no media, everything else is good."""
    from tests.pipelines.conftest import GOOD

    for batch in batches:
        known = {field.name for field in stores.stages[batch.stage].COLUMNS}
        good = {name: value for name, value in GOOD[batch.stage].items() if name in known}
        broken = {"error": "NotMedia", "message": "no video"}
        bad = [clip for clip in batch.clips if batch.stage == "probe" and clip.path.name == "b.mp4"]
        rows = [{"clip_id": clip.clip_id, **(broken if clip in bad else good)} for clip in batch.clips]
        stores.store(batch.stage).append(rows)
        failures = [Failure(batch.stage, "NotMedia", len(bad), "no video", "b.mp4")] if bad else []
        slowest = [SlowClip(batch.stage, batch.clips[0].clip_id, "a.mp4", 0.5)]
        yield BatchResult(batch.stage, len(rows) - len(bad), len(bad), failures, slowest)


@pytest.fixture
def stores(workspace: Workspace, plan: Plan) -> Stores:
    return workspace.stores(plan)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name in "abcd":
        (folder / f"{name}.mp4").write_text(name)
    (folder / "e.mp4").write_text("a")  # the same bytes as a.mp4
    return folder


def test_a_workspace_without_a_log_is_counted_from_its_stores(
    workspace: Workspace, plan: Plan, catalogue: Catalogue, measure: Measure
) -> None:
    ids = catalogue(a="1", b="2", c="3", d="4", e="1")
    workspace.save_plan(plan)
    measure(
        ids[:4],
        motion={ids[1]: {"mean": 0.0}, ids[2]: {"error": "DecodeFailed", "message": "broken"}},
        frames={ids[3]: None},
    )
    status = look_at(workspace)
    assert status.state == "not logged"
    assert status.counts == {"catalogued": 5, "kept": 1, "rejected": 2, "quarantined": 1, "pending": 1}
    stages = stages_of(status)
    assert stages["catalog"] == StageStatus("catalog", done=5, left=0, left_at_most=0)
    assert stages["probe"] == StageStatus("probe", done=4, left=0, left_at_most=0)
    assert stages["motion"] == StageStatus("motion", done=4, left=0, left_at_most=0, failed=1)
    assert stages["frames"] == StageStatus("frames", done=1, left=1, left_at_most=1)
    assert stages["caption"] == StageStatus("caption", done=1, left=0, left_at_most=1)
    assert status.failures == [Failure("motion", "DecodeFailed", 1, "broken", "c.mp4")]
    assert status.run == {"recipe": "music-video", "profile": "embedded"}


def test_a_file_cut_into_windows_is_probed_once_and_measured_by_the_window(
    workspace: Workspace, catalogue: Catalogue, measure: Measure
) -> None:
    plan = make_plan("music-video", "embedded", window_s=5.0)
    measure(catalogue(a="1"), plan)
    workspace.save_plan(plan)
    stages = stages_of(look_at(workspace))
    assert (stages["probe"].done, stages["motion"].done, stages["motion"].left) == (1, 0, 4)
    assert stages["frames"] == StageStatus("frames", done=0, left=0, left_at_most=4)


def test_a_running_stage_is_told_of_by_the_log_while_no_store_is_read(
    source: Path, workspace: Workspace, plan: Plan, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Status] = []

    def run(batches: Iterator[Batch]) -> Iterator[BatchResult]:
        for result in pretend(batches, stores):
            yield result
            with monkeypatch.context() as patch:
                patch.setattr(AppendOnlyTable, "read", lambda *given, **options: pytest.fail("read"))
                looks.append(look_at(workspace))

    summary = curate([source], workspace, plan, run=run, workers=4)
    assert {status.state for status in looks} == {"running"}
    first = stages_of(looks[0])  # of four batches of one clip, the first is in
    assert (first["catalog"].done, first["catalog"].left) == (5, 0)
    assert (first["probe"].done, first["probe"].left) == (1, 3)
    assert first["motion"] == StageStatus("motion", done=None, left=0, left_at_most=4)
    assert first["probe"].rate_per_s is not None and first["probe"].eta_s is not None
    assert first["probe"].eta_s == pytest.approx(3 / first["probe"].rate_per_s)
    after = next(status for status in looks if stages_of(status)["motion"].done)
    assert after.failures == [Failure("probe", "NotMedia", 1, "no video", "b.mp4")]
    assert after.counts == {"catalogued": 5, "kept": 0, "rejected": 1, "quarantined": 1, "pending": 3}
    assert stages_of(after)["probe"].failed == 1
    assert after.run["pid"] == os.getpid() and after.run["workers"] == 4
    assert after.slowest[0] == SlowClip("probe", after.slowest[0].clip_id, "a.mp4", 0.5)

    ended = look_at(workspace)
    assert ended.state == "ended" and ended.stopped is None
    assert ended.counts == {**counts_of(summary), "pending": 0}
    done = {name: stage.done for name, stage in stages_of(ended).items() if name != "catalog"}
    assert done == summary.computed


def test_what_is_left_at_most_holds_where_tracks_skip_a_stage_of_films(tmp_path: Path) -> None:
    from tests.cli.test_going_on import pretend, stores_of

    source = tmp_path / "mixed"
    source.mkdir()
    names = ["one.mp4", "still.mp4", "a.mp3", "b.mp3", "sung.mp3"]
    for name in names:
        (source / name).write_text(name)
    workspace = Workspace(tmp_path / "ws")
    looks: list[Status] = []

    def run(batches: Iterator[Batch]) -> Iterator[BatchResult]:
        for result in pretend(batches):
            yield result
            looks.append(look_at(workspace))

    curate([source], workspace, make_plan("auto", "embedded"), run=run)
    stores_of.cache_clear()
    last = stages_of(looks[-1])
    for status in looks:
        for name, stage in stages_of(status).items():
            came = last[name].done or 0
            assert (stage.done or 0) + stage.left_at_most >= came, (name, stage)
    motion = next(stages_of(look) for look in looks if stages_of(look)["motion"].done)
    assert (motion["separation"].left_at_most, motion["tagging"].left_at_most) == (2, 5)
    separation = next(stages_of(look) for look in looks if stages_of(look)["separation"].done)
    assert separation["tagging"] == StageStatus("tagging", done=None, left=0, left_at_most=4)
    assert separation["vision"].left_at_most == 1


def test_failures_of_earlier_runs_are_told_while_their_stage_runs(
    source: Path, workspace: Workspace, plan: Plan, stores: Stores
) -> None:
    curate([source], workspace, plan, run=lambda batches: pretend(batches, stores))
    (source / "f.mp4").write_text("f")
    looks: list[Status] = []

    def run(batches: Iterator[Batch]) -> Iterator[BatchResult]:
        for result in pretend(batches, stores):
            yield result
            looks.append(look_at(workspace))

    curate([source], workspace, plan, run=run)
    assert looks[0].failures == [Failure("probe", "NotMedia", 1, "no video", "b.mp4")]
    assert stages_of(looks[0])["probe"].done == 5
    looks.clear()
    curate([], workspace, plan, run=run, retry_failed=True)
    assert looks[0].failures == [Failure("probe", "NotMedia", 1, "no video", "b.mp4")]


def test_an_error_that_stops_a_run_is_told(
    source: Path, workspace: Workspace, plan: Plan, stores: Stores
) -> None:
    def run(batches: Iterator[Batch]) -> Iterator[BatchResult]:
        for batch in batches:
            if batch.stage == "frames":
                raise OutsideError("the disk is full")
            yield from pretend(iter([batch]), stores)

    with pytest.raises(OutsideError):
        curate([source], workspace, plan, run=run)
    status = look_at(workspace)
    assert (status.state, status.stopped) == ("stopped", "the disk is full")
    assert status.counts["pending"] == 3
    assert stages_of(status)["frames"].left == 3


def test_a_run_that_died_without_a_word_is_told_apart_from_one_that_goes_on(
    source: Path, workspace: Workspace, plan: Plan, stores: Stores
) -> None:
    curate([source], workspace, plan, run=lambda batches: pretend(batches, stores))
    (log,) = (workspace.root / FOLDER).iterdir()
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + lines[-1][:9])  # killed in the middle of a line
    assert look_at(workspace).state == "died"
    with workspace.held():  # by a process other than the one that the log names
        log.write_bytes(log.read_bytes().replace(f'"pid": {os.getpid()}'.encode(), b'"pid": 999999999'))
        assert look_at(workspace).state == "running"


def test_looking_writes_nothing(source: Path, workspace: Workspace, plan: Plan, stores: Stores) -> None:
    curate([source], workspace, plan, run=lambda batches: pretend(batches, stores))
    before = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")}
    look_at(workspace)
    assert {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")} == before


def test_the_rate_is_that_of_the_latest_batches() -> None:
    slow = [(10.0 * (number + 1), 1) for number in range(50)]
    fast = [(500.0 + number + 1, 8) for number in range(50)]
    stage = LoggedStage(wanted=1000, todo=1000, began=0.0, batches=slow)
    assert stage.rate_per_s() == pytest.approx(0.1)
    stage.batches = slow + fast
    assert stage.rate_per_s() == pytest.approx(8.0)
    assert LoggedStage(wanted=0, todo=0, began=0.0).rate_per_s() is None


def test_a_log_is_read_on_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [
        {"event": "run", "at": 1.0, "pid": 1},
        {"event": "stage", "at": 2.0, "stage": "probe", "wanted": 9, "todo": 8, "counts": {}, "failures": []},
        {"event": "batch", "at": 4.0, **asdict(BatchResult("probe", measured=3, failed=1))},
    ]
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    run = LoggedRun(path)
    for end in range(0, len(text) + 1, 7):
        path.write_bytes(text[:end])
        run.read_on()
    path.write_bytes(text)
    run.read_on()
    assert (run.stages["probe"].done, run.updated, run.facts["pid"]) == (4, 4.0, 1)
    assert run.stages["probe"].rate_per_s() == 2.0


def test_lines_that_a_full_disk_cut_short_or_a_takedown_removed_are_passed_over(tmp_path: Path) -> None:
    lines = [
        json.dumps({"event": "run", "at": 1.0, "pid": 1}),
        json.dumps({"event": "batch", "at": 4.0, **asdict(BatchResult("probe", measured=3, failed=1))}),
        '{"event": "batch", "at": 5.0, "stage"',
        json.dumps({"event": "stopped", "at": 6.0, "reason": "the disk is full"}),
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    run = LoggedRun(tmp_path / "log.jsonl")
    run.read_on()
    assert (run.stages["probe"].done, run.stopped) == (4, "the disk is full")


def test_a_folder_that_is_no_workspace_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no workspace"):
        look_at(Workspace(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_the_command_prints_lines_or_json(
    source: Path, workspace: Workspace, plan: Plan, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    curate([source], workspace, plan, run=lambda batches: pretend(batches, stores))
    assert command.run(Namespace(workspace=workspace.root, watch=True, json=False)) == 0
    said = capsys.readouterr().out
    assert "the last one came to its end" in said
    assert "catalogued 5, kept 3, rejected 1, quarantined 1, pending 0" in said
    assert "probe       4 done, 0 left, 1 failed, " in said
    assert "failed      probe NotMedia 1: no video" in said
    assert command.run(Namespace(workspace=workspace.root, watch=False, json=True)) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == {
        *(
            "workspace",
            "state",
            "stopped",
            "run",
            "counts",
            "stages",
            "failures",
            "slowest",
            "rejected_by",
            "advice",
        )
    }
    assert facts["stages"][1]["stage"] == "probe" and facts["stages"][1]["done"] == 4


def test_a_run_in_which_small_models_listen_alone_says_once_what_they_are_for(
    source: Path, workspace: Workspace, plan: Plan, stores: Stores
) -> None:
    summary = curate([source], workspace, plan, run=lambda batches: pretend(batches, stores))
    (line,) = [line for line in summary.advice if "profile embedded" in line]
    assert "clap-mini, repet-sim serve first runs" in line and "--profile embedded`" in line
    assert not [line for line in look_at(workspace).advice if "profile embedded" in line]


def test_watching_ends_with_the_run_or_quietly_by_ctrl_c(
    source: Path,
    workspace: Workspace,
    plan: Plan,
    stores: Stores,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command.time, "sleep", interrupt)
    codes = []

    def run(batches: Iterator[Batch]) -> Iterator[BatchResult]:
        for result in pretend(batches, stores):
            yield result
            if result.stage == "motion":
                codes.append(command.run(Namespace(workspace=workspace.root, watch=True, json=False)))

    curate([source], workspace, plan, run=run, workers=2)
    assert codes == [0, 0, 0]
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" left")[0] for line in said] == ["motion: 1 done, 2", "motion: 2 done, 1"]


@pytest.mark.slow
def test_a_real_run_is_watched_killed_and_ended(tmp_path: Path) -> None:
    videos, workspace = tmp_path / "videos", Workspace(tmp_path / "ws")
    render_corpus(videos, clips=6, seed=7, duration_s=6.0, size=(240, 136))
    code = (
        "import sys; from pathlib import Path; from leitmotif.pipelines.curate import curate; "
        "from leitmotif.pipelines.settings import make_plan; "
        "from leitmotif.pipelines.workspace import Workspace; "
        "curate([Path(sys.argv[1])], Workspace(Path(sys.argv[2])), make_plan('music-video', 'embedded'))"
    )
    words = [sys.executable, "-c", code, str(videos), str(workspace.root)]
    with subprocess.Popen(words, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            logged = latest_run(workspace.root)
            if logged is not None and "separation" in logged.stages and logged.stages["separation"].done:
                break
            time.sleep(0.05)
        running = look(workspace, logged)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert running.state == "running" and running.run["pid"] == process.pid
    assert stages_of(running)["motion"].left == 0
    died = look_at(workspace)
    assert died.state == "died"
    assert died.counts["pending"] > 0
    assert sum(died.counts[key] for key in ("kept", "rejected", "quarantined", "pending")) == 6
    summary = curate([videos], workspace, make_plan("music-video", "embedded"))
    ended = look_at(workspace)
    assert ended.state == "ended"
    assert ended.counts == {**counts_of(summary), "pending": 0}
    assert all(stage.left == stage.left_at_most == 0 for stage in ended.stages)
    assert ended.slowest and ended.slowest[0].seconds > 0


def test_a_class_of_failures_names_its_first_five_files() -> None:
    names = [*"abcdefg", "a"]
    (grouped,) = group_failures(("probe", "NotMedia", f"no video in {name}", name) for name in names)
    assert (grouped.count, grouped.source, grouped.others) == (8, "a", ("b", "c", "d", "e"))
    again = group_failures(("probe", "NotMedia", "other words", name) for name in "fa")
    both = again[0].plus(grouped)
    assert (both.count, both.source, both.others) == (10, "f", ("a", "b", "c", "d"))
    status = Status("ws", "not logged", None, {"recipe": "r", "profile": "p"}, {}, [], [grouped])
    assert "failed      probe NotMedia 8: no video in a: a, b, c, d, e (of 8 clips)" in [
        *command._lines(status)
    ]


def test_files_of_one_class_of_failures_keep_their_own_reasons() -> None:
    said = {"a/one.mp4": "'one.mp4' ends early", "notes.txt": "'notes.txt' is a text"}
    said["two.mp4"] = "'two.mp4' ends early"
    (grouped,) = group_failures(("probe", "NotMedia", why, name) for name, why in said.items())
    line = "'one.mp4' ends early: a/one.mp4, two.mp4; 'notes.txt' is a text: notes.txt"
    status = Status("ws", "not logged", None, {"recipe": "r", "profile": "p"}, {}, [], [grouped])
    assert f"failed      probe NotMedia 3: {line}" in [*command._lines(status)]


def test_reasons_of_failures_come_whole_from_the_log_and_no_more_than_a_few(tmp_path: Path) -> None:
    said = [("probe", "NotMedia", f"reason {number}", f"{number}.mp4") for number in range(7)]
    batches = [BatchResult("probe", 0, len(part), group_failures(part)) for part in (said[:4], said[4:])]
    lines = [{"event": "run", "at": 1.0, "pid": 1}]
    lines += [{"event": "batch", "at": 2.0, **asdict(batch)} for batch in batches]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = LoggedRun(tmp_path / "log.jsonl")
    run.read_on()
    (failure,) = run.failures.values()
    assert failure == group_failures(said)[0]
    assert [reason.files for reason in failure.reasons] == [(f"{number}.mp4",) for number in range(5)]
    status = Status("ws", "not logged", None, {"recipe": "r", "profile": "p"}, {}, [], [failure])
    assert "reason 4: 4.mp4; and 2 clips for other reasons" in "\n".join(command._lines(status))


def test_what_was_quarantined_is_named_with_its_reasons(
    workspace: Workspace, catalogue: Catalogue, stores: Stores
) -> None:
    catalogue(**{name: name for name in "abcde"})
    pretend_errors = {f"{name}.mp4": "no video" for name in "abcd"} | {"b.mp4": "'b.mp4' holds no video"}
    ledger = Ledger(stores)
    ledger.decide()
    for entry in ledger.entries:
        if why := pretend_errors.get(entry.source_id):
            entry.outcome = Outcome(stage="probe", error="NotMedia", message=why)
    assert name_quarantined(ledger) == [
        "quarantined: a.mp4 (no video); 'b.mp4' holds no video; c.mp4 (no video); and 1 more",
        f"`leitmotif status {workspace.root}` lists them by reason",
    ]
