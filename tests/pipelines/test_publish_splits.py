"""Splits of a published dataset: what belongs together stays together, and `validate` looks again."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.settings import change_thresholds, make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.artists import artist_names
from leitmotif.shards.manifest import read_counts, write_manifest
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import UserError
from tests.pipelines.test_takedown import catalogue, fill

ARTISTS = ["Foo", "FOO ", "foo feat. Bar", "Bár", "Baz & Bar", "Unknown Artist", "", "Various Artists", None]


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Thirty files: some by one artist under several spellings, two of one page, two of one recording."""
    root = tmp_path_factory.mktemp("splits")
    source = root / "source"
    source.mkdir()
    for number in range(30):
        (source / f"{number:02d}.mp4").write_text(str(number))
        info = {"webpage_url": f"https://video.example/{number}", "artist": f"Artist {number}"}
        if number < len(ARTISTS):
            info["artist"] = ARTISTS[number]
        info["webpage_url"] = f"https://video.example/{min(number, 28)}" + ("?t=3" if number == 29 else "")
        if number in (20, 21):
            info["isrc"] = "GBAYE0601498"
        info["uploader"] = "Label" if 9 < number < 25 else f"Channel {number}"
        (source / f"{number:02d}.info.json").write_text(json.dumps(info))
    workspace, plan = Workspace(root / "ws"), make_plan("music-video", "embedded")
    catalogue(workspace, source)
    rows = workspace.catalog().read(["source_id", "media_id"]).sort_by("source_id").to_pylist()
    # Every clip sounds otherwise, so that only metadata join them.
    fill(workspace, plan, [row["media_id"] for row in rows], dim=30)
    workspace.save_plan(plan)
    return workspace


def split_of(dataset: Path) -> dict[str, str]:
    """Return the split of each source."""
    return {
        row["source_id"][:2]: path.name.split("-")[0]
        for path in (dataset / "data").glob("*.parquet")
        for row in pq.read_table(path, columns=["source_id"], partitioning=None).to_pylist()
    }


def test_neither_artist_nor_page_nor_recording_stands_in_two_splits(
    curated: Workspace, tmp_path: Path
) -> None:
    for number in range(3):
        plan = change_thresholds(
            curated.plan(), [f"splits.test={0.1 + number / 10}", "splits.validation=0.3"]
        )
        published = publish(curated, tmp_path / "dataset", plan)
        splits = split_of(tmp_path / "dataset")
        assert len(splits) == 30
        assert len({splits[f"{name:02d}"] for name in range(5)}) == 1  # Foo, Bar and Baz
        assert splits["28"] == splits["29"] and splits["20"] == splits["21"]
        assert published.rows == {"train": 21 - 3 * (number + 1), "validation": 9, "test": 3 * (number + 1)}
        assert validate(tmp_path / "dataset") == []


def test_more_clips_than_are_kept_are_refused_before_anything_is_written(
    curated: Workspace, tmp_path: Path
) -> None:
    plan = change_thresholds(curated.plan(), ["splits.test=100"])
    with pytest.raises(UserError, match=r"splits\.test=100 asks for 100 of 30 clips; expected a share"):
        publish(curated, tmp_path / "dataset", plan)
    assert not (tmp_path / "dataset").exists()


def test_nobody_is_not_an_artist_that_glues_clips(curated: Workspace, tmp_path: Path) -> None:
    plan = change_thresholds(curated.plan(), ["splits.test=12", "splits.validation=12"])
    publish(curated, tmp_path / "dataset", plan)
    splits = split_of(tmp_path / "dataset")
    assert len({splits[f"{name:02d}"] for name in range(5, 9)}) > 1


def test_clips_of_one_uploader_stay_together_on_request(curated: Workspace, tmp_path: Path) -> None:
    plan = change_thresholds(curated.plan(), ["splits.uploader=true", "splits.test=5"])
    published = publish(curated, tmp_path / "dataset", plan)
    splits = split_of(tmp_path / "dataset")
    assert len({splits[f"{name:02d}"] for name in range(10, 25)}) == 1
    assert published.rows["test"] == 5


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (("00", "03"), "artist 'bar' stands in both"),
        (("28", "29"), "source '//video.example/28' stands in both"),
    ],
)
def test_a_leak_is_found_by_validate(
    curated: Workspace, tmp_path: Path, sources: tuple[str, str], said: str
) -> None:
    dataset = tmp_path / "dataset"
    publish(curated, dataset, curated.plan())
    counts = read_counts(dataset)
    home = split_of(dataset)[sources[0]]
    away = "test" if home == "train" else "train"
    tables = {split: pq.read_table(next(dataset.glob(f"data/{split}-*"))) for split in (home, away)}
    moved = pa.array([name.startswith(sources[1]) for name in tables[home]["source_id"].to_pylist()])
    tables[away] = pa.concat_tables([tables[away], tables[home].filter(moved)])
    tables[home] = tables[home].filter(pa.compute.invert(moved))
    for split, table in tables.items():
        pq.write_table(table, next(dataset.glob(f"data/{split}-*")))
        counts["rows"][split] = len(table)
    write_manifest(dataset, counts)
    assert any(problem.startswith(said) for problem in validate(dataset))


def test_a_recording_in_two_splits_is_found_by_validate(curated: Workspace, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    publish(curated, dataset, curated.plan())
    counts = read_counts(dataset)
    for split in ("train", "test"):
        path = next(dataset.glob(f"data/{split}-*"))
        table = pq.read_table(path)
        place = table.schema.get_field_index("recording_id")
        table = table.set_column(place, table.schema.field(place), pa.array(["one"] * len(table)))
        pq.write_table(table, path)
    write_manifest(dataset, counts)
    said = "recording 'one' stands in both train and test ("
    assert any(problem.startswith(said) for problem in validate(dataset))


def test_the_artists_of_the_test_are_what_they_are_meant_to_be() -> None:
    assert [artist_names(name) for name in ARTISTS[5:]] == [(), (), (), ()]
