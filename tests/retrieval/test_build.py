"""Making an index, following a dataset, and what an index that is damaged or of no use says."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from leitmotif.retrieval.build import build
from leitmotif.retrieval.index import Index
from leitmotif.retrieval.spaces import CLAP, CLIP
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import UserError
from tests.retrieval.known_rows import a_row, unit, write_dataset


def rows(*numbers: int) -> list[dict]:
    return [
        a_row(number, clap_embedding=unit(1, number, 0, 0), clip_embedding=unit(0, 1, number, 0))
        for number in numbers
    ]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_index_holds_every_clip_in_order_with_its_vectors(tmp_path: Path) -> None:
    members = [*rows(0, 1), a_row(2, clip_embedding=unit(0, 0, 0, 1))]
    dataset = Dataset(write_dataset(tmp_path / "ds", members, test=rows(3)))
    done = build(dataset)
    assert (done.clips, done.added, done.removed, done.vectors) == (4, 4, 0, {"clap": 3, "clip": 4})
    index = Index(dataset)
    table = dataset.table()
    assert index.rows["clip_id"].to_pylist() == table["clip_id"].to_pylist()
    assert index.rows["split"].to_pylist() == ["train"] * 3 + ["test"]
    assert index.rows["genres"].to_pylist() == table["genres"].to_pylist()
    assert index.vectors(CLAP).rows.tolist() == [0, 1, 3]
    assert index.vectors(CLAP).exact.vectors.tolist() == [
        row for row in table["clap_embedding"].to_pylist() if row is not None
    ]


def test_an_index_in_a_dataset_leaves_it_valid(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "ds", rows(0, 1))
    before = {line for line in validate(dataset) if "index" in line}
    build(Dataset(dataset))
    assert {line for line in validate(dataset) if "index" in line} == before == set()
    (dataset / "index" / "clap.parquet").write_bytes(b"other")
    assert any("index/clap.parquet" in line for line in validate(dataset))


def test_following_a_dataset_is_the_same_as_making_anew(tmp_path: Path) -> None:
    folder, index = tmp_path / "ds", tmp_path / "index"
    build(Dataset(write_dataset(folder, rows(0, 1, 2))), index)
    done = build(Dataset(write_dataset(folder, rows(2, 3, 0, 4))), index)
    assert (done.clips, done.added, done.removed) == (4, 2, 1)
    build(Dataset(folder), tmp_path / "anew")
    assert content(index) == content(tmp_path / "anew")


def test_an_index_of_the_same_dataset_is_not_written_again(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "ds", rows(0, 1))
    build(Dataset(folder))
    before = {path: path.stat().st_mtime_ns for path in (folder / "index").iterdir()}
    done = build(Dataset(folder))
    assert not done.written
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "index").iterdir()}


def test_a_manifest_that_a_killed_run_did_not_bring_up_to_date_is(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "ds", rows(0, 1))
    manifest = (folder / "manifest.json").read_bytes()
    build(Dataset(folder))
    noted = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(manifest)
    assert not build(Dataset(folder)).written
    assert (folder / "manifest.json").read_bytes() == noted


@pytest.mark.parametrize("name", ["index.json", "rows.parquet", "clap.parquet"])
@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_damaged_index_is_one_line_and_is_made_anew(tmp_path: Path, name: str, damage: str) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(0, 1, 2)))
    build(dataset)
    whole = content(dataset.path / "index")
    path = dataset.path / "index" / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9] if damage == "cut" else b"{}")
    with pytest.raises(UserError, match=r"`leitmotif index .*ds` makes") as caught:
        index = Index(dataset)
        len(index), index.vectors(CLAP)
    assert "\n" not in str(caught.value)
    if (damage, name) != ("gone", "index.json"):
        done = build(Dataset(dataset.path))
        assert done.written
        assert "was made anew" in done.notes[0]
        assert content(dataset.path / "index") == whole


def test_vectors_of_clips_that_rows_lack_are_damage(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(0, 1, 2)))
    build(dataset)
    whole = (dataset.path / "index" / "clap.parquet").read_bytes()
    build(Dataset(write_dataset(tmp_path / "ds", rows(0, 1))))
    (dataset.path / "index" / "clap.parquet").write_bytes(whole)
    with pytest.raises(DatasetError, match=r"holds clips that rows\.parquet lacks"):
        Index(Dataset(dataset.path)).vectors(CLAP)


def test_vectors_of_no_direction_are_left_out_and_told(tmp_path: Path) -> None:
    members = rows(0, 1, 2, 3)
    members[1]["clap_embedding"] = [float("nan"), 0.0, 0.0, 1.0]
    members[2]["clap_embedding"] = [0.0] * 4
    members[3]["clap_embedding"] = [1e30] * 4
    done = build(Dataset(write_dataset(tmp_path / "ds", members)))
    assert done.vectors == {"clap": 1, "clip": 4}
    assert "3 clips left out of clap" in done.notes[0]


def test_a_dataset_without_pictures_says_so(tmp_path: Path) -> None:
    members = [a_row(number, clap_embedding=unit(1, number, 0, 0)) for number in range(2)]
    dataset = Dataset(write_dataset(tmp_path / "ds", members))
    done = build(dataset)
    assert done.vectors == {"clap": 2}
    assert done.notes == (
        "no clip has a clip_embedding: nothing can be found by pictures (clip)",
        "words are compared by the dataset's own models alone; after `leitmotif fetch-models --only minilm`, "
        "index again, and minilm compares them with the captions",
    )
    with pytest.raises(DatasetError, match=r"no clip of .* has a clip_embedding"):
        Index(dataset).vectors(CLIP)


def test_rows_of_several_models_are_refused(tmp_path: Path) -> None:
    members = rows(0, 1)
    members[1]["models"] = [{"backend": "tagging", "model": "other@1"}]
    dataset = Dataset(write_dataset(tmp_path / "ds", members))
    with pytest.raises(DatasetError, match="was embedded by 2 models"):
        build(dataset)
    assert not (dataset.path / "index").exists()


def test_what_is_no_index_is_not_replaced(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(0)))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is no index"):
        build(dataset, tmp_path / "mine")
    with pytest.raises(UserError, match="lies in the dataset"):
        build(dataset, dataset.path / "data" / "index")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_a_full_disk_leaves_the_former_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ds"
    build(Dataset(write_dataset(folder, rows(0))), tmp_path / "index")
    before = content(tmp_path / "index")
    write_dataset(folder, rows(1))

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leitmotif.retrieval.build.write_facts", refuse)
    with pytest.raises(Exception, match=r"No space left .* make room and index again"):
        build(Dataset(folder), tmp_path / "index")
    assert content(tmp_path / "index") == before
    assert {path.name for path in tmp_path.iterdir()} == {"ds", "index"}


def test_many_row_groups_are_one_index(tmp_path: Path) -> None:
    members = rows(*range(50))
    folder = write_dataset(tmp_path / "ds", members)
    assert pq.read_metadata(folder / "data" / "train-00000-of-00001.parquet").num_rows == 50
    build(Dataset(folder))
    vectors = Index(Dataset(folder)).vectors(CLAP).exact.vectors
    assert np.allclose(vectors, [row["clap_embedding"] for row in members])


def test_vectors_of_another_length_are_one_line(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "ds", rows(0)))
    build(dataset)
    with pytest.raises(DatasetError, match="has vectors of 4, and what is asked one of 3"):
        Index(dataset).nearest(CLAP, np.ones(3, np.float32), 1)
