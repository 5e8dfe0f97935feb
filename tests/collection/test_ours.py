"""Workspaces, datasets and the like inside a source are passed over and counted."""

import logging
from pathlib import Path

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.folder import find_media
from leitmotif.collection.ours import KINDS
from leitmotif.pipelines.workspace import PLAN
from leitmotif.review.survey.key import KEY_FILE
from leitmotif.shards.manifest import MANIFEST
from leitmotif.storage.errors import UserError
from leitmotif.training.checkpoint import CHECKPOINTS
from leitmotif.training.settings import SETTINGS_NAME


def make(folder: Path, kind: str) -> None:
    """Make a folder of a kind, with a media file in each of its own folders."""
    found = next(each for each in KINDS if each.name == kind)
    for name in {*found.marks, *found.inner}:
        if "." in name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("")
        else:
            (folder / name / "deep").mkdir(parents=True)
            (folder / name / "deep" / "clip.flac").write_text("")


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_what_we_wrote_is_no_source(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mine.mp4").write_text("")
    make(tmp_path / "work", kind)
    (tmp_path / "work" / ".lock").touch()
    with caplog.at_level(logging.INFO, "leitmotif"):
        assert [file.source_id for file in find_media([tmp_path])] == ["mine.mp4"]
    assert f"passed over: 1 {kind}" in caplog.text
    assert "other file" not in caplog.text
    (tmp_path / "work" / "media").mkdir()
    (tmp_path / "work" / "media" / "other.mp4").write_text("")
    assert [file.source_id for file in find_media([tmp_path])] == ["mine.mp4", "work/media/other.mp4"]


def test_a_source_that_is_the_workspace_too_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "mine.mp4").write_text("")
    make(tmp_path, "workspace")
    assert [file.source_id for file in find_media([tmp_path])] == ["mine.mp4"]


def test_a_workspace_alone_is_no_source(tmp_path: Path) -> None:
    make(tmp_path, "workspace")
    with pytest.raises(UserError, match="holds no media file"):
        find_media([tmp_path])


def test_marks_are_the_names_that_the_rooms_write(tmp_path: Path) -> None:
    marks = {kind.name: kind.marks for kind in KINDS}
    assert PLAN in marks["workspace"]
    assert MANIFEST in marks["dataset"]
    assert KEY_FILE in marks["survey"]
    assert marks["training run"] == (SETTINGS_NAME, CHECKPOINTS)
    with Archive(tmp_path).held():
        pass
    assert (tmp_path / "partial").is_dir()
