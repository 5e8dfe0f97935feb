"""The reader of a dataset: what it finds, what it gives, and what it says of a folder that is not whole."""

import ast
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.layout import find_shards, find_tables
from leitmotif.shards.manifest import read_manifest, write_manifest
from tests.shards.conftest import SCHEMA, MakeDataset, write_shard

ROOT = Path(__file__).parents[2]


def ids(numbers: range) -> list[str]:
    return [f"clip-{number}" for number in numbers]


def test_rows_come_split_by_split_and_shard_by_shard_whatever_the_row_groups(
    make_dataset: MakeDataset,
) -> None:
    # Row groups of unlike sizes, in several shards; the splits were written in another order.
    dataset = Dataset(make_dataset(extra=[[1]], test=[[2], [3]], train=[[1, 5, 2], [4]]))
    assert dataset.splits == {"train": 12, "test": 5, "extra": 1}
    assert [row["clip_id"] for row in dataset.rows("train")] == ids(range(6, 18))
    assert dataset.table("train", ["clip_id"])["clip_id"].to_pylist() == ids(range(6, 18))
    everything = [*range(6, 18), *range(1, 6), 0]
    assert [row["clip_id"] for row in dataset.rows(columns=["clip_id"])] == [f"clip-{n}" for n in everything]
    assert [dataset.row(place, ["clip_id"])["clip_id"] for place in range(18)] == [
        f"clip-{n}" for n in everything
    ]
    assert dataset.row(12, ["clip_id", "absent"]) == {"split": "test", "clip_id": "clip-1"}
    streamed = pa.concat_tables(dataset.stream("train", ["clip_id", "absent"]))
    assert streamed.column_names == ["clip_id"] and streamed["clip_id"].to_pylist() == ids(range(6, 18))
    sample = dataset.sample(["clip_id"], 100, 0)
    assert sample["clip_id"].to_pylist() == [f"clip-{n}" for n in everything]
    assert sample["split"].to_pylist() == ["train"] * 12 + ["test"] * 5 + ["extra"]
    groups = dataset.split("train").groups
    assert [(group.rows, group.first, group.number) for group in groups] == [
        (range(1), 0, 0), (range(1, 6), 1, 1), (range(6, 8), 6, 2), (range(8, 12), 0, 0),
    ]  # fmt: skip
    assert groups[2].read(["clip_id"])["clip_id"].to_pylist() == ["clip-12", "clip-13"]


def test_media_are_read_where_they_are_asked_for(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[2]]))
    assert "audio" not in dataset.table().column_names and "caption" in dataset.table().column_names
    assert [row["audio"]["bytes"] for row in dataset.rows(columns=["audio"])] == [b"fLaC0", b"fLaC1"]
    assert dataset.value_range("motion") == (0.0, 0.125) and dataset.value_range("absent") is None
    assert dataset.value_range("fps") is None


def test_a_split_without_rows_has_columns_and_no_rows(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[2]], test=[[]]))
    assert dataset.splits == {"train": 2, "test": 0}
    assert list(dataset.rows("test")) == [] == list(dataset.stream("test", ["clip_id"]))
    assert dataset.columns_of("test") == SCHEMA.names == dataset.columns
    with pytest.raises(DatasetError, match=r"'test' of .* holds no rows; the splits are train \(2 rows\)"):
        dataset.split("test")


def test_what_the_manifest_does_not_list_is_no_part_of_the_dataset(make_dataset: MakeDataset) -> None:
    folder = make_dataset(train=[[2]])
    before = Dataset(folder).fingerprint
    for name in ("train-00001-of-00002.parquet", "train-old.parquet", "notes-2024.parquet"):
        write_shard(folder / "data" / name, [range(50, 53)])
    (folder / "data" / ".train-00000-of-00001.parquet.part").write_bytes(b"half")
    assert Dataset(folder).splits == {"train": 2} and Dataset(folder).fingerprint == before
    assert len(find_tables(folder)) == 6, "what takes clips down overlooks none"


def test_a_dataset_that_is_being_written_has_no_manifest_yet(make_dataset: MakeDataset) -> None:
    folder = make_dataset(manifest=False, train=[[1]], test=[[2]])
    write_shard(folder / "data" / "notes.parquet", [range(3)])
    assert Dataset(folder).splits == {"train": 1, "test": 2}
    for whole in (lambda: Dataset(folder).split("train"), lambda: Dataset(folder).fingerprint):
        with pytest.raises(DatasetError, match=r"has no readable manifest\.json"):
            whole()
    (folder / "manifest.json").write_text('{"files": {"data/train-00000-of-00001.parquet": {}}}')
    with pytest.raises(DatasetError, match=r"has no readable manifest\.json"):
        Dataset(folder)


def test_splits_with_hyphens_and_many_shards_are_found_in_order(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    names = [
        "hard-test-00000-of-00001",
        "train-00010-of-00011",
        "train-00002-of-00011",
        "validation-00000-of-1",
    ]
    for name in names:
        (tmp_path / "data" / f"{name}.parquet").touch()
    found = {split: [path.stem for path in paths] for split, paths in find_shards(tmp_path).items()}
    assert found == {"train": [names[2], names[1]], "hard-test": [names[0]]}


@pytest.mark.parametrize("damage", ["missing", "footer", "pages", "folder"])
def test_a_shard_that_is_missing_or_damaged_is_named_in_one_line(
    make_dataset: MakeDataset, damage: str
) -> None:
    folder = make_dataset(train=[[40]], test=[[40]])
    path = folder / "data" / "test-00000-of-00001.parquet"
    content = bytearray(path.read_bytes())
    if damage == "pages":
        content[4 : len(content) // 4] = b"\xff" * (len(content) // 4 - 4)
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(content[:-9] if damage == "footer" else content)
    dataset = Dataset(folder)
    assert len(list(dataset.rows("train"))) == 40, "what is whole can be read"
    reads = [
        lambda: list(dataset.rows("test")),
        lambda: dataset.table("test"),
        lambda: list(dataset.stream("test", ["clip_id"])),
        lambda: dataset.sample(["clip_id"], 80, 0),
        lambda: [dataset.row(place, ["clip_id"]) for place in range(80)],
    ]
    if damage != "pages":
        reads += [lambda: dataset.splits, lambda: dataset.split("test")]
    for read in reads:
        with pytest.raises(DatasetError, match=r"run `leitmotif validate .*dataset`, and") as error:
            read()
        assert "\n" not in str(error.value)
        assert "test-00000-of-00001" in str(error.value) or str(folder) in str(error.value)


def test_damaged_side_tables_are_named(make_dataset: MakeDataset) -> None:
    folder = make_dataset(train=[[1]])
    dataset = Dataset(folder)
    assert dataset.rejected["rule"].to_pylist() == ["motion"] and len(dataset.quarantined) == 0
    assert dataset.side_table("rejected", ["value"]).column_names == ["value"]
    assert dataset.side_rows("rejected") == 1 and dataset.measured() is None
    (folder / "rejected.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"^rejected\.parquet cannot be read"):
        _ = dataset.rejected
    (folder / "rejected.parquet").unlink()
    assert len(dataset.rejected) == 0 == dataset.side_rows("rejected")


def test_measured_numbers_are_left_aside_where_they_are_of_other_clips(make_dataset: MakeDataset) -> None:
    folder = make_dataset(train=[[2]])
    fates = ["kept", "kept", "rejected"]
    pq.write_table(pa.table({"clip_id": ["a", "b", "c"], "fate": fates}), folder / "measured.parquet")
    assert Dataset(folder).measured().num_rows == 3
    pq.write_table(pa.table({"clip_id": ["a", "b"], "fate": fates[1:]}), folder / "measured.parquet")
    assert Dataset(folder).measured() is None


def test_a_dataset_of_an_older_schema_gives_the_columns_it_has(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    older = pa.schema([field for field in SCHEMA if field.name not in ("recording_id", "motion")])
    write_shard(tmp_path / "data" / "train-00000-of-00001.parquet", [range(3)], older)
    write_manifest(tmp_path, {})
    dataset = Dataset(tmp_path)
    assert "recording_id" not in dataset.columns and dataset.split("train").columns == tuple(older.names)
    (streamed,) = dataset.stream("train", ["clip_id", "recording_id"])
    assert streamed.column_names == ["clip_id"]
    with pytest.raises(DatasetError, match=r"got column 'recording_id'; expected one of clip_id"):
        dataset.rows("train", ["recording_id"])
    assert len(dataset.rejected) == 0, "it has no such file"


def test_shards_of_two_schemas_are_no_split(make_dataset: MakeDataset) -> None:
    folder = make_dataset(train=[[1], [1]])
    path = folder / "data" / "train-00001-of-00002.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["motion"]), path)
    write_manifest(folder, {})
    with pytest.raises(
        DatasetError, match=r"train-00001-of-00002\.parquet has other columns than train-00000"
    ):
        Dataset(folder).split("train")


def test_the_fingerprint_changes_with_any_shard_and_with_nothing_else(make_dataset: MakeDataset) -> None:
    folder = make_dataset(train=[[1]], test=[[1]])
    first, train = Dataset(folder).fingerprint, Dataset(folder).split("train").fingerprint
    (folder / "README.md").write_text("card")
    write_manifest(folder, {})
    assert Dataset(folder).fingerprint == first
    write_shard(folder / "data" / "test-00000-of-00001.parquet", [[77]])
    write_manifest(folder, {})
    assert Dataset(folder).fingerprint != first and Dataset(folder).split("train").fingerprint == train


def test_a_folder_that_is_none_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is no dataset \(there is no such folder\); give the folder"):
        Dataset(tmp_path / "missing")
    with pytest.raises(DatasetError, match=r"holds neither data/\*\.parquet nor rejected\.parquet"):
        Dataset(tmp_path)


def test_what_is_not_there_is_refused_with_what_is(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[1]], validation=[[1]]))
    for ask in (dataset.rows, dataset.table, dataset.split, lambda split: next(dataset.stream(split, []))):
        with pytest.raises(DatasetError, match="has no split 'dev'; expected train or validation"):
            ask("dev")
    with pytest.raises(DatasetError, match=r"expected a list of names, such as \['caption'\]"):
        dataset.table(columns="caption")


def test_a_dataset_that_is_not_there_is_said_with_the_near_one(make_dataset: MakeDataset) -> None:
    folder = make_dataset(train=[[1]])
    write_manifest(folder, {"rows": {"train": 1}})
    with pytest.raises(DatasetError, match=f"there is no such folder; did you mean {folder.name}\\?"):
        read_manifest(folder.with_name(f"{folder.name}s"))
    with pytest.raises(DatasetError, match=f"there is no such folder; did you mean {folder.name}\\?"):
        Dataset(folder.with_name(f"{folder.name}s"))


def test_samples_of_a_dataset_are_the_rows_they_say(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[7, 1, 30], [22]], test=[[40]]))
    some = dataset.sample(["clip_id", "motion"], 20, 3)
    assert len(set(some["clip_id"].to_pylist())) == 20
    numbers = [int(clip_id.split("-")[1]) for clip_id in some["clip_id"].to_pylist()]
    assert np.array_equal(some["motion"].to_numpy() * 8, numbers) and numbers == sorted(numbers)


def test_nobody_but_the_room_of_the_shards_opens_the_files_of_a_dataset() -> None:
    trainers = [room.name for room in ROOT.glob("train_*")]
    assert "train_mmdm" in trainers
    for room in ("api", "evaluation", "reports", "training", *trainers):
        for path in (ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = {
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            assert not names & {"pyarrow.parquet", "pyarrow.dataset"}, f"{path}: read it by shards/dataset.py"
            assert '.glob("*.parquet")' not in path.read_text(encoding="utf-8"), path
