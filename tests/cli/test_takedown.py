"""The command `takedown`: words in, lines and exit codes out."""

import json
from pathlib import Path

import pytest

from leitmotif.cli import main
from leitmotif.collection.folder import find_media
from leitmotif.pipelines.catalog import enter
from leitmotif.pipelines.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    for name in "abc":
        (source / f"{name}.mp4").write_text(name)
        (source / f"{name}.info.json").write_text(
            json.dumps({"webpage_url": f"https://video.example/{name}"})
        )
    workspace = Workspace(tmp_path / "ws")
    enter(workspace.catalog(), find_media([source]))
    return workspace.root


def names(workspace: Path) -> list[str]:
    return sorted(row["source_id"] for row in Workspace(workspace).catalog().read(["source_id"]).to_pylist())


def test_ids_of_the_line_and_of_a_list_go(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("# asked in March\n\nhttps://video.example/c # by mail\n")
    words = ["takedown", str(workspace), "a.mp4", "--list", str(tmp_path / "list.txt"), "--reason", "rights"]
    assert main.main(words) == 0
    assert names(workspace) == ["b.mp4"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "taken down   https://video.example/a",
        "taken down   https://video.example/c",
        "clips        2",
    ]
    assert lines[4].startswith("searched     ")


def test_a_source_that_was_taken_down_before_is_said_to_be(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["takedown", str(workspace), "a.mp4"]) == 0
    capsys.readouterr()
    assert main.main(["takedown", str(workspace), "a.mp4", "c.mp4"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "already      https://video.example/a was taken down before",
        "taken down   https://video.example/c",
        "clips        2",
    ]


def test_a_dry_run_says_it_all_and_does_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["takedown", str(workspace), "a.mp4", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["sources"] == ["https://video.example/a"] and told["dry_run"] is True
    assert names(workspace) == ["a.mp4", "b.mp4", "c.mp4"]
    assert not (workspace / "takedown.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{ws}"], "no id was given and none is on record"),
        (["{ws}", "nobody"], "is called 'nobody'"),
        (["{ws}/catalog", "a.mp4"], "is no dataset (no manifest.json), workspace (no catalog/) or"),
        (["{ws}s", "a.mp4"], "collected folder (there is no such folder; did you mean"),
        (["{ws}", "a.mp4", "--collected", "{ws}s"], "is no collected folder (there is no such folder)"),
        (["{ws}", "--list", "{ws}/nothing"], "cannot be read"),
        (["{ws}", "a.mp4", "--collected", "{ws}"], "is no collected folder"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(
    workspace: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main.main(["takedown", *(word.format(ws=workspace) for word in words)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert names(workspace) == ["a.mp4", "b.mp4", "c.mp4"]


def test_a_workspace_in_use_is_exit_code_3(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace(workspace).held():
        assert main.main(["takedown", str(workspace), "a.mp4"]) == 3
    assert "is in use by another run" in capsys.readouterr().err
    assert names(workspace) == ["a.mp4", "b.mp4", "c.mp4"]


def test_a_file_name_of_a_subfolder_is_answered_with_its_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source" / "deep"
    source.mkdir(parents=True)
    (source / "song.mp4").write_text("song")
    workspace = Workspace(tmp_path / "ws")
    enter(workspace.catalog(), find_media([tmp_path / "source"]))
    for word in ("song.mp4", "song", "deep/sogn.mp4"):
        assert main.main(["takedown", str(workspace.root), word]) == 2
        assert "did you mean 'deep/song.mp4'?" in capsys.readouterr().err
    assert names(workspace.root) == ["deep/song.mp4"]
