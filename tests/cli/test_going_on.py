"""Curating and publishing again: the workspace's plan holds, and every proposed command works as printed."""

import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines import curate, flow
from leitmotif.pipelines.runner import Batch
from leitmotif.pipelines.runs.log import BatchResult
from leitmotif.pipelines.saved_plan import load_plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Stores, Workspace
from tests.pipelines.conftest import GOOD

Run = Callable[[str], tuple[int, str, str]]
TRACKS = "tracks of mine"


@cache
def stores_of(workspace: str, plan: str) -> Stores:
    return Workspace(Path(workspace)).stores(load_plan(plan))


def pretend(batches: Iterator[Batch]) -> Iterator[BatchResult]:
    """Store numbers without media or models.

    "still.mp4" does not move, "sung" has a voice, and an MP3 has no picture.
    """
    for batch in batches:
        stores = stores_of(batch.workspace, batch.plan)
        known = {field.name for field in stores.stages[batch.stage].COLUMNS}
        rows = []
        for clip in batch.clips:
            row = {name: value for name, value in GOOD[batch.stage].items() if name in known}
            name = clip.path.stem
            row |= {"mean": 0.0} if batch.stage == "motion" and name == "still" else {}
            row |= {"vocal_score": 0.9} if batch.stage == "vocals" and name == "sung" else {}
            row |= {"has_video": int(clip.path.suffix == ".mp4")} if batch.stage == "probe" else {}
            rows.append({"clip_id": clip.clip_id, **row})
        stores.store(batch.stage).append(rows)
        yield BatchResult(batch.stage, len(rows), 0)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Run:
    """Run command lines as they are printed, in a folder whose name has to be quoted."""
    monkeypatch.setattr(
        flow, "run_flow", lambda *given, scheduler, **options: curate.curate(*given, run=pretend, **options)
    )
    place = tmp_path / "a place"
    (place / TRACKS).mkdir(parents=True)
    for name in ("moving", "still", "sung"):
        (place / TRACKS / f"{name}.mp4").write_text(name)
    monkeypatch.chdir(place)

    def run(line: str) -> tuple[int, str, str]:
        words = shlex.split(line)
        caplog.clear()
        code = main(words[1:] if words[0] == "leitmotif" else words)
        said = capsys.readouterr()
        return code, said.out, said.err + caplog.text

    return run


def proposed(text: str) -> list[str]:
    """Return the commands in a text: between backquotes, or after "next:"."""
    return re.findall(r"`(leitmotif [^`]+)`", text) + re.findall(
        r"^next: (leitmotif .+)$", text, re.MULTILINE
    )


def plan_of(folder: str) -> tuple[str, str, float | None, tuple[str, ...]]:
    plan = Workspace(Path(folder)).plan()
    return plan.recipe, plan.profile, plan.window_s, plan.settings


def test_a_workspace_goes_on_with_its_plan(run: Run) -> None:
    run(f"curate '{TRACKS}' --out ws --recipe music-track --window 10 --set pam.threshold=0.2")
    code, out, err = run("curate --out ws --set instruments.threshold=0.4")
    assert code == 0
    assert plan_of("ws") == (
        "music-track",
        "embedded",
        10.0,
        ("pam.threshold=0.2", "instruments.threshold=0.4"),
    )
    assert "goes on with recipe music-track, profile embedded, clips of 10 s, pam.threshold=0.2" in err
    # Of the six windows the four without a voice.
    assert "to measure, in clips: caption 4" in err
    assert "4 clips measured before are measured anew, for their settings changed: caption" in err
    assert re.search(r"^computed +caption 4$", out, re.MULTILINE)
    assert "to measure: nothing" in run("curate --out ws")[2]


def test_another_recipe_is_said_and_a_saved_plan_taken_back(run: Run) -> None:
    run(f"curate '{TRACKS}' --out ws --recipe music-track")
    Path("kept.yaml").write_text(Path("ws/plan.yaml").read_text())
    said = run("curate --out ws --recipe music-video")[2]
    assert "changed: recipe music-video instead of music-track" in said
    assert "measured anew, for their settings changed: tagging" in said
    code, out, said = run("curate --out ws --plan kept.yaml")
    assert (code, plan_of("ws")[0]) == (0, "music-track")
    assert "changed: recipe music-track instead of music-video" in said
    assert "to measure: nothing" in said
    assert re.search(r"^kept +2$", out, re.MULTILINE)


def test_a_plan_whose_models_are_not_there_is_not_the_workspaces(run: Run, caches: Path) -> None:
    run(f"curate '{TRACKS}' --out ws --recipe music-track")
    code, _, said = run("curate --out ws --profile paper --license CC0-1.0")
    assert code == 2 and "fetch-models --profile paper" in said
    assert plan_of("ws")[:2] == ("music-track", "embedded")
    assert run("curate --out ws")[0] == 0


@pytest.mark.parametrize(
    "sets",
    [
        "--set motion.threshold=0",
        "--set instruments.threshold=0.4",
        "--set motion.threshold=0 --set moods.top=1",
    ],
)
def test_the_command_that_publish_proposes_measures_what_it_lacks(run: Run, sets: str) -> None:
    run(f"curate '{TRACKS}' --out ws --recipe music-video")
    code, _, said = run(f"publish ws --out ds {sets}")
    assert code == 2
    (command,) = proposed(said)
    assert str(Path("ws").absolute()) in shlex.split(command)
    code, out, _ = run(command)
    assert code == 0
    assert "caption" in out
    assert "to measure: nothing" in run("curate --out ws")[2]


def test_a_setting_taken_back_by_publish_is_proposed_so_to_curate(run: Run) -> None:
    run(f"curate '{TRACKS}' --out ws --recipe music-track --set too-short.threshold=9999")
    code, _, said = run("publish ws --out ds --set too-short.threshold=")
    assert code == 2
    assert "--set too-short.threshold=`" in said
    assert run("curate --out ws --set too-short.threshold=")[0] == 0
    assert plan_of("ws")[3] == ()
    assert "to measure: nothing" in run("curate --out ws")[2]


def test_a_setting_of_a_stage_given_to_publish_is_sent_to_curate(run: Run) -> None:
    run(f"curate '{TRACKS}' --out ws --recipe music-video")
    code, _, said = run("publish ws --out ds --set frames.count=3")
    assert code == 2
    (command,) = proposed(said)
    assert run(command)[0] == 0
    assert plan_of("ws")[3] == ("frames.count=3",)


def test_one_clip_is_not_called_one_clips(run: Run) -> None:
    run(f"curate '{TRACKS}' --out ws --recipe music-video")
    assert "1 clip passes" in run("publish ws --out ds --set motion.threshold=0")[2]


def test_each_file_is_taken_by_what_it_is(run: Run) -> None:
    for name in ("sung", "calm"):
        Path(TRACKS, f"{name}.mp3").write_text(f"sound of {name}")
    code, out, said = run(f"curate '{TRACKS}' --out ws")
    assert code == 0
    assert plan_of("ws")[0] == "auto"
    assert (
        "3 files with a moving picture by music-video, 2 files without a moving picture by music-track"
        in said
    )
    # A voice takes a track out, and is taken out of a film; only a film can stand still.
    assert re.search(r"^kept +3$", out, re.MULTILINE)
    assert re.search(r"^  vocal +1  ", out, re.MULTILINE) and re.search(r"^  motion +1  ", out, re.MULTILINE)
    code, out, _ = run("status ws")
    assert code == 0
    assert re.search(r"^motion +3 done, 0 left", out, re.MULTILINE)
    assert re.search(r"^vocals +4 done, 0 left", out, re.MULTILINE)
    assert re.search(r"^  vocal +1  ", out, re.MULTILINE)


def test_stages_of_two_recipes_with_the_same_settings_share_what_they_measured(run: Run) -> None:
    Path(TRACKS, "calm.mp3").write_text("sound")
    run(f"curate '{TRACKS}' --out ws --recipe music-video")
    _, out, said = run("curate --out ws --recipe auto")
    assert "changed: recipe auto instead of music-video" in said
    assert "anew" not in said
    # Of films everything is there; of the track its header.
    computed = "audio 1, events 1, tagging 1, rhythm 1, vocals 1, quality 1, fingerprint 1, caption 1"
    assert re.search(rf"^computed +{computed}$", out, re.MULTILINE)


def test_tracks_under_the_recipe_of_films_are_named_with_what_helps(run: Run) -> None:
    for name in ("a", "b"):
        Path(TRACKS, f"{name}.mp3").write_text(name)
    for film in Path(TRACKS).glob("*.mp4"):
        film.unlink()
    code, out, _ = run(f"curate '{TRACKS}' --out ws --recipe music-video")
    assert code == 0
    assert "2 files have no moving picture; " in out
    assert "nothing is kept: video-stream (no moving picture; a cover is none) took 2 of 2 clips" in out
    assert "next:" not in out
    assert run("status ws")[1].count("2 files have no moving picture") == 1
    helps, report, fetch, _with_what_is_fetched = proposed(out)
    assert run(report)[0] == 0
    assert "spleeter" in str(run(f"{fetch} --dry-run"))
    code, out, _ = run(helps)
    assert code == 0
    assert re.search(r"^kept +2$", out, re.MULTILINE)


def test_a_status_of_nothing_is_one_line_and_one_that_watches_waits(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leitmotif.cli import status

    code, _, said = run("status ws")
    assert code == 2 and "is no workspace" in said

    def begin(seconds: float) -> None:
        curate.curate([Path(TRACKS)], Workspace(Path("ws")), make_plan("auto", "embedded"), run=pretend)

    monkeypatch.setattr(status.time, "sleep", begin)
    code, out, said = run("status ws --watch")
    assert (code, said.count("is no workspace yet; waiting")) == (0, 1)
    assert "the last one came to its end" in out


def test_a_workspace_within_its_source_is_not_catalogued(run: Run) -> None:
    assert "catalogued   3" in run("curate . --out ws")[1]
    Path("ws/stages/audio-0/files").mkdir(parents=True)
    Path("ws/stages/audio-0/files/a.flac").write_text("")
    _, out, said = run("curate . --out ws")
    assert "catalogued   3" in out
    assert "passed over: 1 workspace" in said
