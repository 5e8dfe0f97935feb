"""Where a dataset may be put: nobody's own files go with an older one that is replaced."""

from pathlib import Path

import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from tests.pipelines.test_takedown import fill


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-video", "embedded")
    (tmp_path / "a.mp4").write_text("a")
    row = {"clip_id": "a" * 32, "media_id": "a" * 32, "source_id": "a.mp4", "path": str(tmp_path / "a.mp4")}
    workspace.catalog().append([row | {"size_bytes": 1, "license": "CC0-1.0"}])
    fill(workspace, plan, ["a" * 32])
    workspace.save_plan(plan)
    assert main(["publish", str(workspace.root), "--out", str(tmp_path / "ds")]) == 0
    return tmp_path / "ds"


@pytest.mark.parametrize("name", ["MYNOTES.txt", ".git/HEAD", "notes/labels.csv", "data/more.parquet"])
def test_files_of_the_user_are_never_deleted_with_an_older_dataset(
    dataset: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = dataset / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    publish = ["publish", str(dataset.parent / "ws"), "--out", str(dataset)]
    assert main(publish) == 2
    assert f"holds what is not of the dataset (1 file, first: '{name}')" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    mine.unlink()
    assert main(publish) == 0


def test_a_dataset_of_ours_is_replaced_whatever_was_done_with_it(dataset: Path) -> None:
    workspace = str(dataset.parent / "ws")
    assert main(["report", str(dataset)]) == 0
    (dataset / "takedown.jsonl.damaged-1234").write_text("no record\n")
    assert main(["publish", workspace, "--out", str(dataset)]) == 0
    (dataset / "manifest.json").write_text("{")
    assert main(["publish", workspace, "--out", str(dataset)]) == 0
