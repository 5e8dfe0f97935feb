"""Damaged files of a workspace: one line, set aside, made again by the next run; never other rows."""

import hashlib
import logging
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.demo.corpus import render_corpus
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.runner import close_stages
from leitmotif.pipelines.runs.status import look
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import StageContext
from leitmotif.pipelines.takedown.run import plan_takedown, take_down
from leitmotif.pipelines.takedown.targets import Targets
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import OutsideError

PLAN = make_plan("music-video", "embedded")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("corpus")
    render_corpus(folder, clips=4, seed=7, duration_s=3.0, size=(160, 90), fps=12.5)
    workspace = Workspace(tmp_path_factory.mktemp("whole") / "ws")
    assert curate([folder], workspace, PLAN).kept
    yield workspace
    close_stages()


@pytest.fixture
def workspace(whole: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(whole.root, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


@pytest.fixture(scope="module")
def right(whole: Workspace, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is published of the undamaged workspace."""
    return published(whole, tmp_path_factory.mktemp("right") / "ds")


def published(workspace: Workspace, out: Path) -> bytes:
    publish(workspace, out, PLAN)
    assert validate(out) == []
    return b"".join(path.read_bytes() for path in sorted(out.glob("data/*.parquet")))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = random.Random(0).randrange(len(content) // 4, len(content) // 2)
    content[place] ^= 1
    path.write_bytes(content)


def flip_in_column(path: Path, name: str) -> None:
    """Flip a bit in the pages of a column, and leave all others whole."""
    group = pq.read_metadata(path).row_group(0)
    columns = map(group.column, range(group.num_columns))
    column = next(column for column in columns if column.path_in_schema.startswith(name))
    start = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[start + column.total_compressed_size // 2] ^= 4
    path.write_bytes(content)


def parts_of(workspace: Workspace, stage: str) -> list[Path]:
    return workspace.stores(PLAN).store(stage).parts()


COMMANDS: dict[str, Callable[[Workspace, Path], object]] = {
    "publish": lambda workspace, out: publish(workspace, out, PLAN),
    "status": lambda workspace, out: look(workspace, None),
    "report": lambda workspace, out: write_reports(workspace.root),
    "takedown": lambda workspace, out: plan_takedown(["a" * 32], Targets(workspace.root)),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("harm", [cut, flip])
def test_a_damaged_part_is_one_line_and_set_aside(
    name: str, harm: Callable[[Path], None], workspace: Workspace, tmp_path: Path
) -> None:
    (part,) = parts_of(workspace, "probe")
    harm(part)
    with pytest.raises(OutsideError) as said:
        COMMANDS[name](workspace, tmp_path / "out")
    assert "\n" not in str(said.value) and part.name in str(said.value)
    assert f"set aside as {part.name}.damaged" in str(said.value)
    assert f"curate --out {workspace.root}" in str(said.value)
    assert not part.exists() and not (tmp_path / "out").exists()


def test_damage_in_a_column_that_only_publishing_reads_is_set_aside_too(
    workspace: Workspace, tmp_path: Path
) -> None:
    (part,) = parts_of(workspace, "vision")
    flip_in_column(part, "clip_embedding")
    assert look(workspace, None).counts["pending"] == 0
    with pytest.raises(OutsideError, match="set aside"):
        publish(workspace, tmp_path / "out", PLAN)
    assert look(workspace, None).counts["pending"] > 0


def test_the_next_run_measures_again_what_was_in_damaged_parts(
    workspace: Workspace, right: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = [part for stage in PLAN.stages for part in parts_of(workspace, stage)]
    for part in damaged:
        cut(part)
    with caplog.at_level(logging.WARNING):
        summary = curate([], workspace, PLAN)
    assert set(summary.computed) == set(PLAN.stages)
    for part in damaged:
        assert part.with_name(f"{part.name}.damaged").is_file()
        assert f"set aside as {part.name}.damaged; what it held is made again" in caplog.text
    assert published(workspace, tmp_path / "ds") == right


def test_files_of_a_damaged_part_of_the_catalog_are_entered_again(
    workspace: Workspace, right: bytes, tmp_path: Path
) -> None:
    (part,) = workspace.catalog().parts()
    flip_in_column(part, "media_id")
    with pytest.raises(OutsideError, match="enters its files again"):
        publish(workspace, tmp_path / "out", PLAN)
    assert part.exists()  # else a dataset could be published without its files
    summary = curate([], workspace, PLAN)
    assert summary.catalogued == 4 and not summary.computed
    assert published(workspace, tmp_path / "ds") == right


def test_files_of_a_lost_catalog_are_entered_from_their_source(
    whole: Workspace, workspace: Workspace, right: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (part,) = workspace.catalog().parts()
    source = Path(whole.catalog().read(["path"])["path"][0].as_py()).parent
    cut(part)
    with caplog.at_level(logging.WARNING):
        assert curate([source], workspace, PLAN).catalogued == 4
    assert "give their folders again" in caplog.text
    assert published(workspace, tmp_path / "ds") == right


def test_a_takedown_deletes_what_was_set_aside(workspace: Workspace) -> None:
    clip_id = workspace.stores(PLAN).store("probe").read([])["clip_id"][0].as_py()
    aside = parts_of(workspace, "tagging")[0]
    aside = shutil.copy(aside, aside.with_name(f"{aside.name}.damaged"))
    targets = Targets(workspace.root)
    take_down(plan_takedown([clip_id], targets), targets)
    assert not aside.exists()


def test_a_part_that_a_run_holds_is_not_set_aside(workspace: Workspace, tmp_path: Path) -> None:
    (part,) = parts_of(workspace, "probe")
    cut(part)
    with workspace.held(), pytest.raises(OutsideError, match="cannot be set aside"):
        publish(workspace, tmp_path / "out", PLAN)
    assert part.exists()


def media_of(workspace: Workspace, stage: str, clip: int = 0) -> Path:
    """Return the file that a stage wrote of a clip that is published."""
    chosen = workspace.stores(PLAN).store("caption").read([])["clip_id"].to_pylist()[clip]
    suffix = "zip" if stage == "frames" else "flac"
    return workspace.stores(PLAN).folder(stage) / "files" / f"{chosen}.{suffix}"


@pytest.mark.parametrize("stage", ["separation", "frames"])
@pytest.mark.parametrize("harm", [cut, flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_media_file_that_is_not_the_one_written_is_one_line_and_not_published(
    stage: str, harm: Callable[[Path], None], workspace: Workspace, tmp_path: Path
) -> None:
    file = media_of(workspace, stage)
    harm(file)
    with pytest.raises(OutsideError) as said:
        publish(workspace, tmp_path / "out", PLAN)
    assert "\n" not in str(said.value) and file.name in str(said.value)
    assert f"run `leitmotif curate --out {workspace.root}`" in str(said.value)
    assert not (tmp_path / "out").exists() and not file.exists()
    assert look(workspace, None).counts["pending"] == 1


def test_media_files_that_are_all_gone_cost_no_row(
    workspace: Workspace, tmp_path: Path, right: bytes
) -> None:
    files = media_of(workspace, "audio", 0).parent
    files.rename(tmp_path / "elsewhere")
    files.mkdir()
    shutil.rmtree(workspace.stores(PLAN).store("separation").folder)
    with pytest.raises(OutsideError, match=r"files of '.*/files' cannot be found; is the disk .* mounted\?"):
        curate([], workspace, PLAN)
    files.rmdir()
    (tmp_path / "elsewhere").rename(files)
    done = curate([], workspace, PLAN)
    assert "audio" not in done.computed
    assert published(workspace, tmp_path / "ds") == right


def test_the_next_run_makes_damaged_media_files_again(
    workspace: Workspace, right: bytes, tmp_path: Path
) -> None:
    cut(media_of(workspace, "separation"))
    media_of(workspace, "separation", 1).unlink()
    with pytest.raises(OutsideError, match=r"and 1 more file of separation-[0-9a-f]+ likewise"):
        publish(workspace, tmp_path / "out", PLAN)
    assert curate([], workspace, PLAN).computed == {"separation": 2}
    assert published(workspace, tmp_path / "ds") == right


def test_a_stage_that_reads_a_damaged_file_blames_no_clip(
    workspace: Workspace, right: bytes, tmp_path: Path
) -> None:
    for stage in ("tagging", "vision"):
        for part in parts_of(workspace, stage):
            part.unlink()
    flip(media_of(workspace, "separation"))
    cut(media_of(workspace, "frames", 1))
    summary = curate([], workspace, PLAN)
    assert (summary.computed["separation"], summary.computed["frames"]) == (1, 1)
    assert published(workspace, tmp_path / "ds") == right


def test_rows_without_a_hash_are_published_as_before(
    workspace: Workspace, right: bytes, tmp_path: Path
) -> None:
    for stage in ("audio", "separation", "frames"):
        for part in parts_of(workspace, stage):
            pq.write_table(pq.read_table(part, partitioning=None).drop_columns(["sha256"]), part)
    assert published(workspace, tmp_path / "ds") == right
    cut(media_of(workspace, "frames"))
    with pytest.raises(OutsideError, match="bytes, expected"):
        publish(workspace, tmp_path / "ds", PLAN)


def test_a_media_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    flush, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("flush"), flush(handle))[1])
    monkeypatch.setattr(
        Path, "replace", lambda path, to: (done.append(f"name {Path(to).name}"), replace(path, to))[1]
    )
    with SandboxedWorker() as decoder:
        context = StageContext(tmp_path, tmp_path / "files", tmp_path / "scratch", decoder)
        with context.new_file("c1", ".flac") as path:
            path.write_bytes(b"sound")
    assert done == ["flush", "name c1.flac", "flush"]
    row = context.describe("c1", ".flac")
    assert row == {"file": "files/c1.flac", "size_bytes": 5, "sha256": hashlib.sha256(b"sound").hexdigest()}
