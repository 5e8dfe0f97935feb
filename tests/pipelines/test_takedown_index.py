"""A takedown reaches the index that lies in a dataset."""

import json
import shutil
from pathlib import Path

import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines.takedown.run import plan_takedown, take_down
from leitmotif.pipelines.takedown.targets import Targets
from leitmotif.retrieval.build import build
from leitmotif.retrieval.index import Index
from leitmotif.retrieval.spaces import CLAP, space_named
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.manifest import read_manifest
from tests.encoders.gemma_files import save_random_gemma
from tests.retrieval.known_rows import a_row, unit, write_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    rows = [a_row(number, clap_embedding=unit(1, number, 0, 0)) for number in range(4)]
    folder = write_dataset(tmp_path / "ds", rows)
    build(Dataset(folder))
    return folder


def take(dataset: Path, *words: str) -> None:
    targets = Targets(dataset=dataset)
    take_down(plan_takedown(words, targets), targets)


def test_rows_and_vectors_go_and_the_index_is_up_to_date(dataset: Path) -> None:
    gone = f"{1:032x}"
    take(dataset, "https://video.example/1")
    index = Index(Dataset(dataset))
    assert index.is_fresh
    assert index.rows["clip_id"].to_pylist() == [f"{number:032x}" for number in (0, 2, 3)]
    assert index.vectors(CLAP).rows.tolist() == [0, 1, 2]
    assert not build(Dataset(dataset)).written
    for path in (dataset / "index").iterdir():
        assert gone.encode() not in path.read_bytes()
    files = read_manifest(dataset)["files"]
    assert {name for name in files if name.startswith("index/")} == {
        "index/clap.parquet",
        "index/index.json",
        "index/rows.parquet",
    }


def test_vectors_that_an_encoder_made_go_too(dataset: Path, tmp_path: Path) -> None:
    save_random_gemma(tmp_path / "gemma")
    encoder = f"embeddinggemma={tmp_path / 'gemma'}"
    assert build(Dataset(dataset), encoders=[encoder], device="cpu").vectors["embeddinggemma"] == 4
    gone = f"{1:032x}"
    take(dataset, "https://video.example/1")
    index = Index(Dataset(dataset))
    assert index.is_fresh
    assert index.vectors(space_named("embeddinggemma")).rows.tolist() == [0, 1, 2]
    assert not build(Dataset(dataset), device="cpu").written
    assert all(gone.encode() not in path.read_bytes() for path in (dataset / "index").iterdir())


def test_an_index_that_was_older_than_its_dataset_stays_so(dataset: Path) -> None:
    facts = dataset / "index" / "index.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"dataset": "another"}))
    take(dataset, f"{1:032x}")
    assert not Index(Dataset(dataset)).is_fresh
    assert len(Index(Dataset(dataset))) == 3


@pytest.mark.parametrize("name", ["index.json", "clap.parquet", "rows.parquet"])
def test_a_damaged_index_is_no_reason_to_keep_what_must_go(
    dataset: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (dataset / "index" / name).write_bytes(b"damaged")
    take(dataset, f"{1:032x}")
    assert Dataset(dataset).splits == {"train": 3}
    assert not (dataset / "index").exists()
    assert not [file for file in read_manifest(dataset)["files"] if file.startswith("index/")]
    assert "it is left out of the dataset that is written now" in caplog.text


def test_the_command_says_what_it_does_not_reach(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["takedown", str(dataset), f"{1:032x}"]) == 0
    assert (
        "an index of it elsewhere (index --out) holds them until it is made again" in capsys.readouterr().out
    )


def test_what_a_killed_run_left_of_an_index_does_not_come_along(dataset: Path) -> None:
    left = dataset / ".index.0123abcd.part"
    shutil.copytree(dataset / "index", left)
    take(dataset, f"{1:032x}")
    assert not left.exists()
    assert not [file for file in read_manifest(dataset)["files"] if ".part" in file]
