"""A dataset of no rows: what every command and reader makes of it, and of the workspace it comes from."""

import json
import logging
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.takedown.redact import Redactor, rewrite_table
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.write import write_reports
from leitmotif.shards.manifest import read_counts
from leitmotif.shards.schema import shard_schema
from leitmotif.shards.validate import validate
from tests.pipelines.test_takedown import catalogue, fill

Said = pytest.CaptureFixture[str]


def make_workspace(root: Path, names: str) -> tuple[Workspace, list[str]]:
    source = root / "source"
    source.mkdir(parents=True)
    for name in names:
        (source / f"{name}.mp4").write_text(name)
        (source / f"{name}.info.json").write_text(json.dumps({"artist": f"Artist {name}"}))
    workspace, plan = Workspace(root / "ws"), make_plan("music-video", "embedded")
    catalogue(workspace, source)
    workspace.save_plan(plan)
    rows = workspace.catalog().read(["media_id", "source_id"]).sort_by("source_id").to_pylist()
    return workspace, [row["media_id"] for row in rows]


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of which two stand still and one cannot be read, and the dataset of them."""
    root = tmp_path_factory.mktemp("still")
    workspace, (first, second, third) = make_workspace(root, "abc")
    stores = workspace.stores(workspace.plan())
    good = {"duration_s": 9.0, "has_video": 1, "has_audio": 1, "width": 64, "height": 36, "fps": 25.0}
    failed = {"clip_id": third, "error": "NotMedia", "message": "it is a text"}
    stores.store("probe").append([{"clip_id": clip, **good} for clip in (first, second)] + [failed])
    stores.store("motion").append([{"clip_id": clip, "mean": 0.0} for clip in (first, second)])
    publish(workspace, root / "dataset", workspace.plan(), finish=write_reports)
    return root


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos that are kept, and the dataset of them with a split of validation."""
    root = tmp_path_factory.mktemp("few")
    workspace, ids = make_workspace(root, "abcd")
    fill(workspace, workspace.plan(), ids, dim=4)
    publish(workspace, root / "dataset", workspace.plan(), finish=write_reports)
    return root


def test_where_no_clip_reaches_tagging_an_empty_dataset_is_published_and_one_line_says_why(
    still: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "leitmotif"):
        workspace = Workspace(still / "ws")
        published = publish(workspace, tmp_path / "dataset", workspace.plan())
    assert (published.kept, published.rejected, published.quarantined) == (0, 2, 1)
    assert published.rows == {"train": 0} and validate(tmp_path / "dataset") == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert "no rows; 3 clips were left out: 2 by rule motion, 1 by an error in probe" in line


def test_a_dataset_with_rows_is_not_exchanged_for_one_without(
    few: Path, tmp_path: Path, capsys: Said
) -> None:
    shutil.copytree(few, tmp_path / "copy")
    dataset, workspace = tmp_path / "copy" / "dataset", tmp_path / "copy" / "ws"
    before = (dataset / "manifest.json").read_bytes()
    stricter = ["publish", str(workspace), "--set", "motion.threshold=1", "--out"]
    assert main([*stricter, str(dataset)]) == 2
    said = capsys.readouterr().err.strip()
    assert "4 clips were left out: 4 by rule motion" in said and "\n" not in said
    assert f"the dataset at {str(dataset)!r} with 4 rows stays" in said
    assert (dataset / "manifest.json").read_bytes() == before and validate(dataset) == []
    assert main([*stricter, str(tmp_path / "another")]) == 0


def test_a_place_that_is_the_workspace_and_a_workspace_that_is_not_there_are_said(
    few: Path, capsys: Said
) -> None:
    workspace = few / "ws"
    assert main(["publish", str(workspace), "--out", str(workspace)]) == 2
    said = capsys.readouterr().err
    assert "is the workspace itself" in said and f"--out {few / 'ws-dataset'}" in said
    assert main(["publish", str(few / "wss"), "--out", str(few / "other")]) == 2
    assert "is no workspace (there is no such folder; did you mean ws?)" in capsys.readouterr().err


def test_every_command_takes_an_empty_dataset_and_its_workspace(
    still: Path, tmp_path: Path, capsys: Said
) -> None:
    shutil.copytree(still, tmp_path / "copy")
    workspace, dataset = str(tmp_path / "copy" / "ws"), str(tmp_path / "copy" / "dataset")
    for command in (["report", dataset], ["report", workspace], ["status", workspace], ["validate", dataset]):
        assert main(command) == 0, command
    page = str(tmp_path / "page.html")
    assert main(["report", dataset, "--against", workspace, "--out", page]) == 0
    assert main(["takedown", dataset, "c.mp4", "--workspace", workspace]) == 0
    assert main(["validate", dataset]) == 0
    assert json.loads((Path(dataset) / "stats.json").read_text())["counts"]["catalogued"] == 2
    capsys.readouterr()
    assert main(["train", "mmdm", dataset, "--out", str(tmp_path / "run")]) == 2
    assert "split 'train'" in (said := capsys.readouterr().err) and "holds no rows" in said


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")  # by mlcroissant
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index")
def test_an_empty_dataset_is_read_by_pyarrow_dask_datasets_and_croissant(still: Path) -> None:
    datasets = pytest.importorskip("datasets")
    dask = pytest.importorskip("dask.dataframe")
    import mlcroissant

    shard = still / "dataset" / "data" / "train-00000-of-00001.parquet"
    assert len(pq.read_table(shard)) == 0
    assert len(dask.read_parquet(shard)) == 0
    streamed = datasets.load_dataset(str(still / "dataset"), split="train", streaming=True)
    assert list(streamed) == [] and isinstance(streamed.features["audio"], datasets.Audio)
    croissant = mlcroissant.Dataset(str(still / "dataset" / "croissant.json"))
    assert len(list(croissant.records("rejected"))) == 2 and list(croissant.records("clips")) == []


def test_a_split_that_a_takedown_empties_does_not_keep_the_others_from_being_loaded(
    few: Path, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    shutil.copytree(few, tmp_path / "copy")
    dataset, workspace = tmp_path / "copy" / "dataset", tmp_path / "copy" / "ws"
    before = read_counts(dataset)["rows"]
    assert before == {"train": 2, "validation": 1, "test": 1}
    train = pq.read_table(dataset / "data" / "train-00000-of-00001.parquet")["clip_id"].to_pylist()
    assert main(["takedown", str(dataset), *train, "--workspace", str(workspace)]) == 0
    loaded = datasets.load_dataset(str(dataset), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in loaded.items()} == {"validation": 1, "test": 1}
    rest = [pq.read_table(path)["clip_id"][0].as_py() for path in sorted((dataset / "data").iterdir())]
    assert main(["takedown", str(dataset), *rest, "--workspace", str(workspace)]) == 0
    assert read_counts(dataset)["rows"] == {"train": 0} and validate(dataset) == []


def test_a_shard_whose_first_row_group_is_taken_down_is_still_streamed(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")

    schema, path = shard_schema(clap_dim=1, clip_dim=1), tmp_path / "whole.parquet"
    with pq.ParquetWriter(path, schema) as writer:
        for name in "ab":
            writer.write_table(pa.Table.from_pylist([{"clip_id": name * 8}], schema=schema))
    shown = tmp_path / "left.parquet"
    rewrite_table(path, shown, Redactor(frozenset({"a" * 8}), frozenset()))
    streamed = datasets.load_dataset("parquet", data_files=str(shown), split="train", streaming=True)
    assert [row["clip_id"] for row in streamed] == ["b" * 8]
