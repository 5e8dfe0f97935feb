"""Side tables are filled clip by clip: what is there stays, whatever ends a run."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.feature_rows import FeatureRows
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.storage.lock import hold
from leitmotif.training import features
from leitmotif.training.features import Encoding, Row, fill_table

SCHEMA = pa.schema(
    [("clip_id", pa.string()), ("values", pa.list_(pa.list_(pa.float16(), 3))), ("word", pa.string())]
)


class Encoder:
    """Makes an array of a clip's number, and fails at some clip."""

    def __init__(self, bad: str = "") -> None:
        self.bad, self.seen = bad, []

    def encode(self, row: Row) -> Row:
        if row["clip_id"] == self.bad:
            raise UserError(f"clip {row['clip_id']} cannot be encoded")
        self.seen.append(row["clip_id"])
        number = int(row["clip_id"][-4:])
        return {
            "clip_id": row["clip_id"],
            "values": np.full((number % 5 + 1, 3), number),
            "word": str(number),
        }

    def encoding(self, fingerprint: str = "ab12") -> Encoding:
        return Encoding("small", fingerprint, SCHEMA, ["clip_id"], self.encode, {"by": "a test"})


@pytest.fixture
def dataset(make_dataset) -> Dataset:  # type: ignore[no-untyped-def]
    return Dataset(make_dataset(train=[[4, 4], [3]], test=[[2]]))


def test_every_clip_of_every_split_is_encoded_once(dataset: Dataset) -> None:
    encoder, seen = Encoder(), []
    made = fill_table(dataset, encoder.encoding(), lambda *told: seen.append(told[1:3]))
    assert (made.rows, made.computed) == (13, 13) and seen == [(done, 13) for done in range(1, 14)]
    table = dataset.features("small")
    assert table.facts == {"by": "a test"} and table.fingerprint == "ab12"
    joined = table.join(["clip-0007"])
    assert np.array_equal(np.asarray(joined["values"][0].as_py(), np.float16), np.full((3, 3), 7))
    again = Encoder()
    made = fill_table(dataset, again.encoding())
    assert (made.rows, made.computed) == (13, 0) and not again.seen
    ids = dataset.table(columns=["clip_id"])["clip_id"].to_pylist()
    assert list(table.check(ids)) == []


@pytest.mark.parametrize("part_bytes", [1, 1 << 20])
def test_what_was_encoded_before_a_clip_that_fails_stays_and_the_next_run_goes_on(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, part_bytes: int
) -> None:
    monkeypatch.setattr(features, "PART_BYTES", part_bytes)
    ids = dataset.table(columns=["clip_id"])["clip_id"].to_pylist()
    with pytest.raises(UserError, match="cannot be encoded"):
        fill_table(dataset, Encoder(bad=ids[5]).encoding())
    assert dataset.features("small").clip_ids.to_pylist() == ids[:5]
    rest = Encoder()
    assert fill_table(dataset, rest.encoding()).computed == 8
    assert rest.seen == ids[5:]
    assert dataset.features("small").clip_ids.to_pylist() == ids
    assert list(dataset.features("small").check(ids)) == []


def test_another_encoder_has_a_table_of_its_own(dataset: Dataset) -> None:
    fill_table(dataset, Encoder().encoding("aaaa"))
    fill_table(dataset, Encoder().encoding("bbbb"))
    with pytest.raises(DatasetError, match="has 2 tables of features 'small'; give one of"):
        dataset.features("small")
    assert dataset.features("small-bbbb").fingerprint == "bbbb"


def test_two_runs_do_not_fill_one_table_at_once(dataset: Dataset) -> None:
    folder = dataset.path / "features" / "small-ab12"
    folder.mkdir(parents=True)
    with hold(folder / ".lock"), pytest.raises(OutsideError, match="is being filled by another run"):
        fill_table(dataset, Encoder().encoding())


def test_single_rows_are_found_wherever_they_lie(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "GROUP_BYTES", 60)
    monkeypatch.setattr(features, "PART_BYTES", 200)
    fill_table(dataset, Encoder().encoding())
    table = dataset.features("small")
    assert len(table.files) > 2
    rows = FeatureRows(table)
    for clip_id in ("clip-0012", "clip-0000", "clip-0007", "clip-0007"):
        number = int(clip_id[-4:])
        found = rows.read(clip_id, ["word", "values"])
        assert found["word"] == str(number)
        assert np.array_equal(found["values"], np.full((number % 5 + 1, 3), number, np.float16))
    assert "clip-0003" in rows and "clip-9999" not in rows
    with pytest.raises(KeyError):
        rows.read("clip-9999", ["word"])


def test_a_part_that_is_gone_is_one_line(dataset: Dataset, tmp_path: Path) -> None:
    fill_table(dataset, Encoder().encoding())
    rows = FeatureRows(dataset.features("small"))
    rows.read("clip-0001", ["word"])
    for path in (dataset.path / "features" / "small-ab12").glob("*.parquet"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"part-00000.parquet cannot be read \(No such file"):
        rows.read("clip-0001", ["word"])
