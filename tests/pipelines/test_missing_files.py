"""Sources that are not there: an unmounted one ends the run and blames no clip, a single file is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from leitmotif.collection.folder import find_media
from leitmotif.media.errors import NoSuchFile
from leitmotif.pipelines import catalog
from leitmotif.pipelines.curate import Summary, curate
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import OutsideError

Catalogue = Callable[..., list[str]]


@pytest.fixture
def rerun(workspace: Workspace, plan: Plan) -> Callable[[], Summary]:
    """Go on with what is catalogued: files of text, of which the first stage says that they are no media."""
    return lambda: curate([], workspace, plan)


def errors(workspace: Workspace, plan: Plan) -> dict[str, str | None]:
    ledger = Ledger(*workspace.kinds(plan))
    ledger.decide()
    return {entry.source_id: entry.outcome.error for entry in ledger.entries}


def test_a_source_that_is_gone_ends_the_run_and_every_clip_is_taken_when_it_is_back(
    tmp_path: Path, catalogue: Catalogue, rerun: Callable[[], Summary], workspace: Workspace, plan: Plan
) -> None:
    catalogue(a="one", b="two")
    (tmp_path / "source").rename(tmp_path / "elsewhere")
    with pytest.raises(OutsideError, match=r"2 files of '.*/source' cannot be found .*'a\.mp4'.*mounted\?"):
        rerun()
    assert set(errors(workspace, plan).values()) == {None}
    (tmp_path / "elsewhere").rename(tmp_path / "source")
    assert rerun().computed == {"probe": 2}
    assert set(errors(workspace, plan).values()) == {"NotMedia"}


def test_an_empty_mount_point_ends_the_run(
    tmp_path: Path, catalogue: Catalogue, rerun: Callable[[], Summary]
) -> None:
    catalogue(a="one", b="two")
    (tmp_path / "source").rename(tmp_path / "elsewhere")
    (tmp_path / "source").mkdir()
    with pytest.raises(OutsideError, match="mounted"):
        rerun()


def test_many_files_that_vanish_with_their_folder_end_the_run(
    tmp_path: Path, rerun: Callable[[], Summary], workspace: Workspace
) -> None:
    disk = tmp_path / "source" / "disk"
    disk.mkdir(parents=True)
    (tmp_path / "source" / "notes.txt").write_text("stays")
    for name in "abc":
        (disk / f"{name}.mp4").write_text(name)
    catalog.enter(workspace.catalog(), find_media([tmp_path / "source"]))
    for path in disk.iterdir():
        path.unlink()
    with pytest.raises(OutsideError, match="3 files"):
        rerun()


def test_files_that_were_deleted_from_a_folder_with_others_end_no_run(
    tmp_path: Path, catalogue: Catalogue, workspace: Workspace, plan: Plan
) -> None:
    catalogue(a="one", b="two", c="three", d="four")
    for name in "abc":
        (tmp_path / "source" / f"{name}.mp4").unlink()
    curate([], workspace, plan)
    assert curate([], workspace, plan, retry_failed=True).computed == {"probe": 4}
    (tmp_path / "source" / "d.mp4").rename(tmp_path / "source" / "d.txt")
    assert curate([], workspace, plan, retry_failed=True).computed == {"probe": 4}
    assert set(errors(workspace, plan).values()) == {NoSuchFile.__name__}


def test_a_single_file_that_is_gone_is_told_and_taken_by_a_plain_run_when_it_is_back(
    tmp_path: Path, catalogue: Catalogue, rerun: Callable[[], Summary], workspace: Workspace, plan: Plan
) -> None:
    catalogue(a="one", b="two", c="three")
    (tmp_path / "source" / "a.mp4").rename(tmp_path / "a.mp4")
    assert rerun().computed == {"probe": 3}
    assert errors(workspace, plan)["a.mp4"] == NoSuchFile.__name__
    assert rerun().computed == {}
    (tmp_path / "a.mp4").rename(tmp_path / "source" / "a.mp4")
    assert rerun().computed == {"probe": 1}
    assert errors(workspace, plan)["a.mp4"] == "NotMedia"
