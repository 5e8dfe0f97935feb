"""The functions of the package, as a notebook uses them."""

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch

import leitmotif
from leitmotif.api.progress import progress
from leitmotif.collection.folder import find_media
from leitmotif.pipelines import runner
from leitmotif.pipelines.settings import make_plan

LOOP = """
import asyncio, multiprocessing, pathlib, sys
import leitmotif

async def main():
    for _ in range(2):
        workspace = leitmotif.curate(sys.argv[1], sys.argv[2] + "/work", workers=2, progress=False)
        assert workspace.counts["catalogued"] == 3, workspace
        children = pathlib.Path("/proc/self/task")
        names = [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for task in children.iterdir()
                 for pid in (task / "children").read_text().split()]
        print(sum("uvicorn" in name or "distributed" in name for name in names))
        forked = multiprocessing.get_context("fork").Process(target=int)  # as the workers of a loader are
        forked.start()
        forked.join()
        assert forked.exitcode == 0, forked

if __name__ == "__main__":
    asyncio.run(main())
"""


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import leitmotif; print(*(set(sys.modules) - before))"
    loaded = set(run_python(code).stdout.split())
    assert "leitmotif" in loaded
    assert not {name.partition(".")[0] for name in loaded} - {"leitmotif", *sys.stdlib_module_names}
    assert len(loaded) < 10


def test_every_name_of_the_package_is_there() -> None:
    assert set(leitmotif.__all__) == set(leitmotif._PLACES)
    assert set(leitmotif.__all__) <= set(dir(leitmotif))
    for name in leitmotif.__all__:
        assert getattr(leitmotif, name).__name__ == name
    assert leitmotif.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'curat'"):
        leitmotif.curat  # noqa: B018


def test_one_worker_needs_no_prefect() -> None:
    code = "import sys, leitmotif; leitmotif.curate; print({'prefect', 'distributed'} & set(sys.modules))"
    assert run_python(code).stdout == "set()\n"


def test_every_clip_is_in_a_table(workspace: leitmotif.Workspace) -> None:
    counts = workspace.counts
    assert (counts["catalogued"], counts["quarantined"], counts["pending"]) == (3, 1, 0)
    clips = workspace.clips.to_pylist()
    names = {Path(clip["source"]).name: clip["fate"] for clip in clips}
    assert names.keys() == {"broken.mp4", "clip-0000.mp4", "clip-0001.mp4"}
    assert sorted(names.values()) == ["kept", "quarantined", "rejected"]
    assert clips[0].keys() >= {"clip_id", "duration_s", "step", "motion", "silence"}
    assert workspace.quarantined["source_id"].to_pylist() == ["broken.mp4"]
    assert workspace.rejected.num_rows == counts["rejected"]
    assert workspace.status().state == "ended"
    assert "quarantined" in workspace._repr_html_()


def test_the_same_call_goes_on_and_measures_nothing_again(
    workspace: leitmotif.Workspace, videos: Path
) -> None:
    given = [videos, str(videos / "clip-0000.mp4")]
    again = leitmotif.curate(given, workspace.path, progress=False)
    assert again.summary is not None
    assert again.summary.computed == {}
    assert again.counts == workspace.counts


def test_a_run_leaves_the_threads_of_the_process_alone(workspace: leitmotif.Workspace) -> None:
    former, of_opencv = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    try:
        ran = leitmotif.curate((), workspace.path, measure_all=True, progress=False)
        assert ran.summary is not None and ran.summary.computed
        assert torch.get_num_threads() == cv2.getNumThreads() == 3
        assert not runner._OPEN  # opened with one thread, and never used with three
    finally:
        torch.set_num_threads(former)
        cv2.setNumThreads(of_opencv)


def test_a_dataset_is_tables_and_rows(dataset: leitmotif.Dataset, workspace: leitmotif.Workspace) -> None:
    assert len(dataset) == sum(dataset.splits.values()) == workspace.counts["kept"] == 1
    table = dataset.table()
    assert table.num_rows == 1
    assert not {"audio", "frames"} & set(table.column_names)
    assert dataset.table("train", ["caption"]).column_names == ["caption"]
    assert dataset.to_pandas(columns=["clip_id", "caption"]).shape == (1, 2)
    rows = list(dataset)
    assert [row["clip_id"] for row in rows] == table["clip_id"].to_pylist()
    assert all(row["audio"]["bytes"].startswith(b"fLaC") for row in rows)
    assert next(dataset.rows(columns=["caption"])).keys() == {"caption"}
    assert dataset.quarantined["source_id"].to_pylist() == ["broken.mp4"]
    assert dataset.stats["counts"]["kept"] == 1
    assert dataset.report_path.is_file()
    assert dataset.validate() == []
    assert "train" in dataset._repr_html_()
    assert repr(leitmotif.Dataset(str(dataset.path))) == repr(dataset)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"split": "dev"}, "has no split 'dev'; expected train"),
        ({"columns": ["captoin"]}, r"got column 'captoin'; did you mean caption\? expected one of clip_id"),
        ({"columns": "caption"}, r"expected a list of names, such as \['caption'\]"),
    ],
)
def test_what_is_not_there_is_one_line(dataset: leitmotif.Dataset, asked: dict, said: str) -> None:
    for ask in (dataset.table, dataset.rows):
        with pytest.raises(leitmotif.UserError, match=said):
            ask(**asked)


def test_a_file_that_was_cut_short_is_one_line_and_names_the_command_that_says_which(
    dataset: leitmotif.Dataset, tmp_path: Path
) -> None:
    copy = leitmotif.Dataset(shutil.copytree(dataset.path, tmp_path / "copy"))
    for path in copy.path.rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-20])
    for read in (
        lambda: copy.table(columns=["clip_id"]),
        lambda: list(copy),
        lambda: copy.rejected,
        lambda: leitmotif.Dataset(copy.path),
    ):
        with pytest.raises(leitmotif.UserError, match=r"run `leitmotif validate .*copy`") as raised:
            read()
        assert "\n" not in str(raised.value)


def test_a_full_disk_ends_a_report_with_the_projects_own_error(
    workspace: leitmotif.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("leitmotif.api.workspace.write_reports", refuse)
    with pytest.raises(leitmotif.OutsideError, match="make room and run again"):
        workspace.report()


def test_wrong_input_is_the_projects_own_error(tmp_path: Path) -> None:
    saved = tmp_path / "saved.yaml"
    saved.write_text(make_plan("music-track", "embedded").save())
    for call in (
        lambda: leitmotif.curate(tmp_path / "nowhere", tmp_path / "ws", progress=False),
        lambda: leitmotif.curate(tmp_path, tmp_path / "ws", set={"motion.treshold": 1}, progress=False),
        lambda: leitmotif.curate(tmp_path, tmp_path / "ws", device="gpu", progress=False),
        lambda: leitmotif.curate(tmp_path, tmp_path / "ws", workers=0, progress=False),
        lambda: leitmotif.curate(tmp_path, tmp_path / "ws", window_s=-1, progress=False),
        lambda: leitmotif.curate(tmp_path, tmp_path / "ws", plan=saved, recipe="auto", progress=False),
        lambda: leitmotif.load_workspace(tmp_path),
        lambda: leitmotif.publish(tmp_path, tmp_path / "dataset", progress=False),
        lambda: leitmotif.Dataset(tmp_path),
    ):
        with pytest.raises(leitmotif.UserError) as raised:
            call()
        assert "\n" not in str(raised.value)


def test_progress_is_lines_for_nobody_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as tell:
        tell("probe", 1, 2)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_several_workers_run_inside_an_event_loop_and_leave_nothing_behind(
    videos: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(LOOP)
    ran = subprocess.run(
        [sys.executable, script, videos, tmp_path], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("0\n0\n", "", 0)


def test_a_table_and_a_licence_reach_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, object] = {}
    monkeypatch.setattr("leitmotif.api.workspace.run_here", lambda *run, **options: told.update(options))
    monkeypatch.setattr("leitmotif.api.workspace.Workspace", lambda *opened, **options: None)
    leitmotif.curate((), tmp_path / "ws", metadata=tmp_path / "t.csv", license="CC0-1.0", progress=False)
    assert (told["metadata"], told["license"]) == (str(tmp_path / "t.csv"), "CC0-1.0")
    leitmotif.curate((), tmp_path / "ws", progress=False)
    assert told["metadata"] is None and told["license"] is None


def test_nothing_of_a_workspace_or_a_dataset_is_taken_for_media(
    videos: Path, workspace: leitmotif.Workspace, dataset: leitmotif.Dataset
) -> None:
    assert (dataset.path / "preview" / "sound.mp3").is_file()
    found = [file.path for file in find_media([workspace.path.parent])]
    assert {path.parent for path in found} == {videos}


def test_music_is_found_in_a_dataset(dataset: leitmotif.Dataset, tmp_path: Path) -> None:
    done = dataset.index(tmp_path / "index", progress=False)
    assert (done.clips, done.written) == (len(dataset), True)
    found = dataset.retrieve(text="calm music", index=tmp_path / "index", device="cpu")
    (hit,) = found.broad
    assert hit.clip_id == next(dataset.rows(columns=["clip_id"]))["clip_id"]
    retriever = dataset.retriever(tmp_path / "index", device="cpu")
    assert retriever.sound(hit) == next(dataset.rows(columns=["audio"]))["audio"]["bytes"]
    assert not retriever.like_clip(hit.clip_id)
    with pytest.raises(leitmotif.UserError, match="got nothing to look for"):
        dataset.retrieve(index=tmp_path / "index")
