"""Damaged files of a workspace: one line, set aside, made again by the next run; never other rows."""

import logging
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.demo.corpus import render_corpus
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.runner import close_stages
from leitmotif.pipelines.runs.status import look
from leitmotif.pipelines.settings import make_plan
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
    render_corpus(folder, clips=4, seed=7, duration_s=6.0, size=(160, 90))
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
    with workspace.held(), pytest.raises(OutsideError, match="measures again what is missing"):
        publish(workspace, tmp_path / "out", PLAN)
    assert part.exists()
