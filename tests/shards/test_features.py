"""Side tables of features: joined by clip, in any order, with rows missing; and what is wrong with one."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.pipelines.takedown.redact import Redactor, remove
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.features import KEY
from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.takedown import Removal, write_record
from leitmotif.shards.validate import validate
from tests.shards.conftest import MakeDataset


def write_features(dataset: Path, name: str, *files: list[int], rows: int = 2) -> Path:
    """Write a track of three frames for each clip, whose values say its number; `rows` a row group."""
    folder = dataset / "features" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, numbers in enumerate(files):
        tracks = [[[float(number), float(frame)] for frame in range(3)] for number in numbers]
        table = pa.table(
            {
                KEY: pa.array([f"clip-{number}" for number in numbers], pa.string()),
                "track": pa.array(tracks, pa.list_(pa.list_(pa.float32(), 2))),
                "rate_hz": pa.array([8.0] * len(numbers), pa.float64()),
            }
        )
        pq.write_table(table, folder / f"part-{file}.parquet", row_group_size=rows)
    return folder


def test_features_are_joined_by_clip_in_another_order_with_rows_missing(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[4, 2]], test=[[2]]))
    write_features(dataset.path, "clip-8fps-ab12", [5, 0, 7, 3], [6, 1])
    features = dataset.features("clip-8fps")
    assert (features.name, features.fingerprint) == ("clip-8fps", "ab12")
    asked = [row["clip_id"] for row in dataset.rows(columns=["clip_id"])]
    joined = features.join(asked)
    assert joined.column_names == ["track", "rate_hz"] and len(joined) == len(asked) == 8
    first = [track and track[0][0] for track in joined["track"].to_pylist()]
    assert first == [0.0, 1.0, None, 3.0, None, 5.0, 6.0, 7.0]
    assert features.places(["clip-7", "clip-2", "clip-1"]).tolist() == [2, -1, 5]


def test_a_clip_may_be_asked_for_twice_and_a_column_alone(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[3]]))
    write_features(dataset.path, "pose-1", [2, 0, 1])
    features = dataset.features("pose")
    joined = features.join(["clip-1", "clip-1", "clip-9", "clip-0"], ["track"])
    assert [track and track[1] for track in joined["track"].to_pylist()] == [
        [1.0, 1.0],
        [1.0, 1.0],
        None,
        [0.0, 1.0],
    ]
    assert features.join([]).num_rows == 0 and features.join(["x"])["rate_hz"].to_pylist() == [None]
    with pytest.raises(
        DatasetError, match="the features 'pose' have no column 'tracks'; expected track or rate_hz"
    ):
        features.join(["clip-1"], ["tracks"])


def test_two_encoders_are_told_apart_by_their_fingerprints(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[2]]))
    write_features(dataset.path, "latents-aa", [0])
    write_features(dataset.path, "latents-bb", [1])
    with pytest.raises(
        DatasetError, match="has 2 tables of features 'latents'; give one of latents-aa, latents-bb"
    ):
        dataset.features("latents")
    assert dataset.features("latents-bb").clip_ids.to_pylist() == ["clip-1"]
    with pytest.raises(DatasetError, match="has no features 'pose'; it has latents-aa, latents-bb"):
        dataset.features("pose")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pa.table({"track": [[1.0]]}), r"has the columns track; expected clip_id \(string\) and features"),
        (
            pa.table({KEY: [1], "track": [[1.0]]}),
            r"has the columns clip_id, track; expected clip_id \(string\)",
        ),
        (pa.table({KEY: ["a"]}), "and features beside it"),
    ],
)
def test_a_table_that_is_none_of_features_is_refused(
    make_dataset: MakeDataset, table: pa.Table, said: str
) -> None:
    dataset = Dataset(make_dataset(train=[[1]]))
    (dataset.path / "features" / "pose-1").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"features/pose-1 of .* holds no \*\.parquet"):
        dataset.features("pose")
    pq.write_table(table, dataset.path / "features" / "pose-1" / "part-0.parquet")
    with pytest.raises(DatasetError, match=rf"^features/pose-1/part-0\.parquet .*{said}"):
        dataset.features("pose")


def test_files_of_two_schemas_and_damaged_ones_are_named(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[2]]))
    folder = write_features(dataset.path, "pose-1", [0], [1])
    other = pq.read_table(folder / "part-1.parquet").drop_columns(["rate_hz"])
    pq.write_table(other, folder / "part-1.parquet")
    with pytest.raises(DatasetError, match=r"part-1\.parquet has other columns than part-0\.parquet"):
        dataset.features("pose")
    (folder / "part-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"features/pose-1/part-1\.parquet cannot be read"):
        dataset.features("pose")


def test_the_check_tells_what_is_twice_and_what_is_no_clip(make_dataset: MakeDataset) -> None:
    dataset = Dataset(make_dataset(train=[[3]]))
    write_features(dataset.path, "pose-1", [0, 1], [1, 8])
    assert list(dataset.features("pose").check(["clip-0", "clip-1", "clip-2"])) == [
        "features/pose-1: clip-1 occurs 2 times, expected once",
        "features/pose-1: clip-8 is no clip of the dataset",
    ]


def test_validate_checks_features_and_a_takedown_takes_them_too(make_dataset: MakeDataset) -> None:
    folder = make_dataset(train=[[3]])
    features = write_features(folder, "pose-1", [0, 8])
    write_features(folder, "latents-2", [2, 1])
    write_record(folder, [Removal("2026-01-01T00:00:00+00:00", "", "clip-2", clip_ids=("clip-2",))])
    counts = {"catalogued": 4, "kept": 3, "rejected": 1, "quarantined": 0, "rows": {"train": 3}}
    write_manifest(folder, counts)
    said = [line for line in validate(folder) if line.startswith("features/")]
    assert said == [
        "features/pose-1: clip-8 is no clip of the dataset",
        "features/latents-2/part-0.parquet: clip-2 was taken down, but is in it",
    ]
    path = features.with_name("latents-2") / "part-0.parquet"
    redactor = Redactor(frozenset({"clip-2"}), frozenset())
    assert remove(path, redactor, scratch=folder) == 1
    assert pq.read_table(path, partitioning=None)[KEY].to_pylist() == ["clip-1"]
