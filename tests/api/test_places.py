"""A place where nothing can be written is one line before any work is done, of every command and call."""

from pathlib import Path

import pytest

import leitmotif
from leitmotif.cli.main import main
from leitmotif.storage import places
from leitmotif.storage.errors import UserError
from leitmotif.storage.places import check_place


@pytest.mark.parametrize(
    "words",
    [
        "demo --clips 1 --out OUT",
        "curate VIDEOS --out OUT",
        "publish WORKSPACE --out OUT",
        "report DATASET --out OUT.html",
        "index DATASET --out OUT",
        "export-dataset DATASET --for webdataset --out OUT",
        "train mmdm DATASET --out OUT",
    ],
)
def test_a_place_below_a_file_is_one_line_and_nothing_is_written(
    words: str,
    tmp_path: Path,
    videos: Path,
    workspace: leitmotif.Workspace,
    dataset: leitmotif.Dataset,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("mine")
    for name, place in {
        "OUT": tmp_path / "file" / "below" / "x",
        "VIDEOS": videos,
        "WORKSPACE": workspace.path,
        "DATASET": dataset.path,
    }.items():
        words = words.replace(name, str(place))
    assert main(words.split()) == 2
    said = capsys.readouterr().err
    assert said.endswith("file' is no folder); choose another --out\n") and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_call_raises_what_a_command_says(tmp_path: Path, workspace: leitmotif.Workspace) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"'.*file' is no folder"):
        leitmotif.publish(workspace, tmp_path / "file" / "x", progress=False)


def test_a_folder_that_may_not_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_place(tmp_path / "new" / "x")
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)  # as root may write anywhere
    with pytest.raises(UserError, match=r"x' cannot be written \(no permission\); choose another --out"):
        check_place(tmp_path / "new" / "x")
