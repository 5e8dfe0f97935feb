import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from leitmotif.collection.folder import FoundFile, find_media
from leitmotif.pipelines import catalog
from leitmotif.pipelines.workspace import Workspace


def rows(workspace: Workspace) -> list[dict]:
    return workspace.catalog().read(["path", "source_id", "media_id", "title", "license"]).to_pylist()


def test_a_file_is_known_by_its_bytes_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"same")
    (tmp_path / "b.mp4").write_bytes(b"same")
    assert catalog.hash_media(tmp_path / "a.mp4") == catalog.hash_media(tmp_path / "b.mp4")
    (tmp_path / "b.mp4").write_bytes(b"other")
    assert catalog.hash_media(tmp_path / "a.mp4") != catalog.hash_media(tmp_path / "b.mp4")


def test_entering_again_enters_only_what_is_new_or_changed(
    tmp_path: Path, workspace: Workspace, catalogue: Callable[..., list[str]]
) -> None:
    catalogue(a="1", b="2")
    files = find_media([tmp_path / "source"])
    assert catalog.enter(workspace.catalog(), files) == 0
    (tmp_path / "source" / "c.mp4").write_text("3")
    (tmp_path / "source" / "b.mp4").write_text("changed")
    assert catalog.enter(workspace.catalog(), find_media([tmp_path / "source"])) == 2
    assert len(rows(workspace)) == 3


def test_metadata_is_read_and_read_again_when_it_changes(
    tmp_path: Path, workspace: Workspace, catalogue: Callable[..., list[str]]
) -> None:
    catalogue(a="1")
    assert rows(workspace)[0]["license"] == "unknown"
    (tmp_path / "source" / "a.info.json").write_text('{"title": "A tune", "license": "CC0-1.0"}')
    assert catalog.enter(workspace.catalog(), find_media([tmp_path / "source"])) == 1
    assert rows(workspace)[0]["title"] == "A tune"
    assert rows(workspace)[0]["license"] == "CC0-1.0"


def test_a_file_that_cannot_be_read_is_entered_with_the_reason(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("1")

    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(catalog, "hash_media", refuse)
    assert catalog.enter(workspace.catalog(), [FoundFile(path, "a.mp4")]) == 1
    row = workspace.catalog().read(["media_id"]).to_pylist()[0]
    assert row["media_id"] is None
    assert "Permission denied" in row["message"]
    assert catalog.enter(workspace.catalog(), [FoundFile(path, "a.mp4")]) == 0
    monkeypatch.undo()
    assert catalog.enter(workspace.catalog(), [FoundFile(path, "a.mp4")]) == 1
    assert workspace.catalog().read(["media_id"]).to_pylist()[0]["media_id"] is not None


def test_a_full_disk_is_not_blamed_on_a_file(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("1")

    def fail(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(catalog, "hash_media", fail)
    with pytest.raises(OSError, match="Input/output"):
        catalog.enter(workspace.catalog(), [FoundFile(path, "a.mp4")])


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(OSError, match="not a regular file"):
        catalog.hash_media(tmp_path / "a.mp4")


def test_a_name_that_is_no_text_is_entered_with_the_reason(tmp_path: Path, workspace: Workspace) -> None:
    name = os.fsdecode(b"bad\xff.mp4")
    (tmp_path / name).write_text("1")
    catalog.enter(workspace.catalog(), find_media([tmp_path]))
    row = workspace.catalog().read(["source_id"]).to_pylist()[0]
    assert row["source_id"] == "bad\\xff.mp4"
    assert "rename the file" in row["message"]
