"""Sources that are not there: an unmounted one ends the run and blames no clip, a single file is told."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leitmotif.collection.folder import find_media
from leitmotif.media.errors import NoSuchFile
from leitmotif.pipelines import catalog, missing_files
from leitmotif.pipelines.curate import Summary, curate
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runner import Batch, run_batch
from leitmotif.pipelines.runs.log import BatchResult
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
    summary = curate([], workspace, plan)
    assert (summary.catalogued, summary.computed) == (1, {"probe": 1})
    (tmp_path / "source" / "d.mp4").rename(tmp_path / "source" / "d.txt")
    assert curate([], workspace, plan, retry_failed=True).catalogued == 0


def test_a_file_that_is_gone_is_told_once_left_out_and_taken_by_a_plain_run_when_it_is_back(
    tmp_path: Path,
    catalogue: Catalogue,
    rerun: Callable[[], Summary],
    workspace: Workspace,
    plan: Plan,
    caplog: pytest.LogCaptureFixture,
) -> None:
    catalogue(a="one", b="two", c="three")
    assert rerun().computed == {"probe": 3}
    (tmp_path / "source" / "a.mp4").rename(tmp_path / "a.mp4")
    assert (rerun().catalogued, set(errors(workspace, plan))) == (2, {"b.mp4", "c.mp4"})
    said = "1 file of the catalog is no longer there (first: a.mp4) and left out; put back, it goes on"
    said += "; under another name, once its folder is given as SOURCE"
    assert caplog.messages.count(said) == 1
    rerun()
    assert caplog.messages.count(said) == 1
    (tmp_path / "a.mp4").rename(tmp_path / "source" / "a.mp4")
    summary = rerun()
    assert (summary.catalogued, summary.computed) == (3, {})
    assert errors(workspace, plan)["a.mp4"] == "NotMedia"


def test_a_file_of_another_name_or_place_is_catalogued_once_and_not_told_as_lost(
    tmp_path: Path, catalogue: Catalogue, workspace: Workspace, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "source"
    catalogue(a="one", b="two", c="three")
    (source / "a.mp4").rename(source / "new.mp4")
    (source / "c.mp4").unlink()
    assert curate([source], workspace, plan).catalogued == 2
    assert set(errors(workspace, plan)) == {"new.mp4", "b.mp4"}
    assert [line for line in caplog.messages if "of the catalog" in line] == [
        f"1 file of the catalog lies elsewhere now (first: a.mp4 as {source / 'new.mp4'}) and goes on",
        "1 file of the catalog is no longer there (first: c.mp4) and left out; put back, it goes on",
    ]
    source.rename(tmp_path / "moved")
    summary = curate([tmp_path / "moved"], workspace, plan)
    assert (summary.catalogued, summary.rejected) == (2, 0)
    assert "2 files of the catalog lie elsewhere now" in caplog.text


def test_a_folder_that_was_deleted_is_gone_and_one_that_is_empty_may_be_a_disk(
    tmp_path: Path, workspace: Workspace, plan: Plan
) -> None:
    for name in ("x/a", "x/b", "y/deep/c", "y/deep/d", "z/alone", "e"):
        path = tmp_path / "source" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert curate([tmp_path / "source"], workspace, plan).catalogued == 6
    shutil.rmtree(tmp_path / "source" / "x")
    shutil.rmtree(tmp_path / "source" / "y" / "deep")
    (tmp_path / "source" / "z" / "alone.mp4").unlink()
    curate([], workspace, plan)
    assert set(errors(workspace, plan)) == {"y/deep/c.mp4", "y/deep/d.mp4", "e.mp4"}


def test_what_could_never_be_read_is_not_gone_while_its_name_is_there(
    tmp_path: Path, catalogue: Catalogue, workspace: Workspace, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "source"
    catalogue(a="one", b="two")
    (source / "broken.mp4").symlink_to("nowhere")
    named_in_bytes = Path(os.fsdecode(os.fsencode(source) + b"/\xff.mp4"))
    named_in_bytes.write_text("bytes")
    for given in ([source], [], [source]):
        assert curate(given, workspace, plan).catalogued == 4
    assert set(errors(workspace, plan)) == {"a.mp4", "b.mp4", "broken.mp4", "\\xff.mp4"}
    assert "no longer there" not in caplog.text
    named_in_bytes.rename(source / "renamed.mp4")
    (source / "broken.mp4").unlink()
    curate([source], workspace, plan)
    assert set(errors(workspace, plan)) == {"a.mp4", "b.mp4", "renamed.mp4"}
    assert "2 files of the catalog are no longer there" in caplog.text


def test_every_file_of_the_catalog_is_looked_for_once_a_run(
    catalogue: Catalogue, workspace: Workspace, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue(a="one", b="two")
    curate([], workspace, plan)
    looked_for: list[str] = []
    look = missing_files._is_there

    def watch(path: str | bytes, *, follow_symlinks: bool) -> bool:
        looked_for.append(Path(os.fsdecode(path)).name)
        return look(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(missing_files, "_is_there", watch)
    curate([], workspace, plan)
    assert sorted(looked_for) == ["a.mp4", "b.mp4"]


def test_a_file_that_goes_while_the_run_works_is_told(
    tmp_path: Path, catalogue: Catalogue, workspace: Workspace, plan: Plan
) -> None:
    catalogue(a="one", b="two", c="three")

    def run(batches: Iterator[Batch]) -> Iterator[BatchResult]:
        (tmp_path / "source" / "a.mp4").unlink(missing_ok=True)
        return map(run_batch, batches)

    curate([], workspace, plan, run=run)
    assert errors(workspace, plan)["a.mp4"] == NoSuchFile.__name__
    assert curate([], workspace, plan).catalogued == 2
