"""A dataset with the sound before the voice was taken out beside the one after."""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from leitmotif.cli.main import main
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.validate import examine
from leitmotif.training.loader.loader import ShardLoader
from tests.pipelines.test_takedown import catalogue, fill


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two films, of whose sound, a steady level, silence is left."""
    root = tmp_path_factory.mktemp("mix")
    (root / "source").mkdir()
    for name in "ab":
        (root / "source" / f"{name}.mp4").write_text(name)
    workspace, plan = Workspace(root / "ws"), make_plan("music-video", "embedded")
    catalogue(workspace, root / "source")
    fill(workspace, plan, workspace.catalog().read(["media_id"])["media_id"].to_pylist())
    workspace.save_plan(plan)
    return workspace


@pytest.fixture(scope="module")
def dataset(workspace: Workspace) -> Path:
    folder = workspace.dataset_beside()
    assert main(["publish", str(workspace.root), "--out", str(folder), "--mix"]) == 0
    return folder


def levels(sound: dict) -> float:
    return float(soundfile.read(io.BytesIO(sound["bytes"]))[0].mean())


def test_the_mix_stands_beside_what_is_left_of_it(dataset: Path) -> None:
    published = Dataset(dataset)
    assert published.columns.index("mix") == published.columns.index("audio") + 1
    for row in published.rows(columns=["clip_id", "audio", "mix", "voice_db", "removed_db"]):
        assert levels(row["audio"]) == 0 and levels(row["mix"]) == pytest.approx(0.5, abs=1e-4)
        assert row["mix"]["path"] == f"{row['clip_id']}.flac"
        assert (row["voice_db"], row["removed_db"]) == (3.0, 4.5)
    assert "mix" not in published.table().column_names


def test_without_it_there_is_no_such_column(workspace: Workspace, tmp_path: Path) -> None:
    assert main(["publish", str(workspace.root), "--out", str(tmp_path / "plain")]) == 0
    assert "mix" not in Dataset(tmp_path / "plain").columns


def test_it_is_described_wherever_columns_are(dataset: Path) -> None:
    card = (dataset / "README.md").read_text(encoding="utf-8")
    assert "| `mix` |" in card and "- name: mix\n    dtype: audio" in card
    assert '"clips/mix"' in (dataset / "croissant.json").read_text(encoding="utf-8")
    assert (
        '"mix": {"_type": "Audio"}'
        in pq.read_schema(next(dataset.glob("data/*"))).metadata[b"huggingface"].decode()
    )


def test_it_is_decoded_by_validate_and_damage_in_it_is_named(dataset: Path, tmp_path: Path) -> None:
    assert examine(dataset).problems == []
    table = pq.read_table(next(dataset.glob("data/train-*")))
    broken = table.slice(0, 1).to_pylist()
    broken[0]["mix"]["bytes"] = broken[0]["mix"]["bytes"][:-20]
    from leitmotif.shards.row_check import check_rows
    from leitmotif.storage import parquet

    parquet.write_table(type(table).from_pylist(broken, schema=table.schema), tmp_path / "shard.parquet")
    (problem,) = check_rows(str(tmp_path / "shard.parquet"), 0, 0, 0, 1, [0]).problems
    assert "mix " in problem and "audio " not in problem


def test_a_loader_gives_the_same_window_of_both(dataset: Path) -> None:
    split = next(iter(Dataset(dataset).splits))
    loader = ShardLoader(dataset, split, columns=["audio", "mix"], batch_size=1, audio_s=0.005)
    for (row,) in loader:
        assert row["mix"].start_s == row["audio"].start_s
        assert row["mix"].samples.shape == row["audio"].samples.shape
        np.testing.assert_allclose(row["mix"].samples, 0.5, atol=1e-4)


def test_a_takedown_takes_it_along(workspace: Workspace, dataset: Path) -> None:
    clip_id = Dataset(dataset).table(columns=["clip_id"])["clip_id"][0].as_py()
    assert main(["takedown", str(dataset), clip_id]) == 0
    left = Dataset(dataset).table(columns=["clip_id", "mix"])
    assert clip_id not in left["clip_id"].to_pylist() and len(left) == 1
    assert examine(dataset).problems == []
