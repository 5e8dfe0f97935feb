import errno
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.storage import table
from leitmotif.storage.table import AppendOnlyTable, drop_rows

COLUMNS = pa.schema([("value", pa.float32())])


@pytest.fixture
def store(tmp_path: Path) -> AppendOnlyTable:
    return AppendOnlyTable(tmp_path / "stage", COLUMNS, scratch=tmp_path / "scratch")


def test_an_empty_store_has_no_rows_and_the_right_columns(store: AppendOnlyTable) -> None:
    assert store.read(["value"]).schema.names == ["clip_id", "value", "error", "message"]
    assert len(store.index()) == 0


def test_rows_come_back_sorted_by_key(store: AppendOnlyTable) -> None:
    store.append([{"clip_id": "b", "value": 2.0}])
    store.append([{"clip_id": "a", "value": 1.0}])
    assert store.read(["value"]).select(["clip_id", "value"]).to_pylist() == [
        {"clip_id": "a", "value": 1.0},
        {"clip_id": "b", "value": 2.0},
    ]


def test_a_measured_row_beats_a_failed_one_in_whatever_order_they_came(store: AppendOnlyTable) -> None:
    store.append([{"clip_id": "a", "value": 1.0}, {"clip_id": "b", "error": "E", "message": "m"}])
    store.append([{"clip_id": "a", "error": "E", "message": "m"}, {"clip_id": "b", "value": 2.0}])
    table = store.read(["value"])
    assert table["value"].to_pylist() == [1.0, 2.0]
    assert table["error"].to_pylist() == [None, None]


def test_a_later_row_beats_an_earlier_one(store: AppendOnlyTable) -> None:
    store.append([{"clip_id": "a", "value": 1.0}])
    store.append([{"clip_id": "a", "value": 3.0}])
    assert store.read(["value"])["value"].to_pylist() == [3.0]


def test_the_index_says_which_part_holds_a_key(store: AppendOnlyTable) -> None:
    first = store.append([{"clip_id": "b", "value": 1.0}])
    second = store.append([{"clip_id": "a", "value": 1.0}])
    index = {row["clip_id"]: store.parts()[row["part"]] for row in store.index().to_pylist()}
    assert index == {"a": second, "b": first}
    assert store.read(["value"], parts=[first])["clip_id"].to_pylist() == ["b"]


def test_keys_are_read_again_once_a_part_is_another(
    store: AppendOnlyTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[list[Path]] = []
    read = AppendOnlyTable._read

    def counted(self: AppendOnlyTable, columns: list[str], chosen: list[Path]) -> pa.Table:
        reads.append(chosen)
        return read(self, columns, chosen)

    monkeypatch.setattr(AppendOnlyTable, "_read", counted)
    store.append([{"clip_id": "a"}, {"clip_id": "b"}])
    assert [len(store.index()) for _ in range(3)] == [2, 2, 2]
    assert len(reads) == 1
    drop_rows(store.folder, "clip_id", ["a"], scratch=store.scratch)
    assert store.index()["clip_id"].to_pylist() == ["b"]
    store.append([{"clip_id": "c"}])
    assert store.index()["clip_id"].to_pylist() == ["b", "c"]
    monkeypatch.setattr(table.KNOWN, "most_bytes", 0)  # keys of very many clips are not kept
    assert [len(store.index()) for _ in range(2)] == [2, 2]
    assert len(reads) == 4
    assert len(table.KNOWN) == 0


def test_a_part_that_is_not_whole_is_never_seen(
    store: AppendOnlyTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_then_full(writer: pq.ParquetWriter, table: pa.Table) -> None:
        Path(writer.where).write_bytes(b"PAR1 half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    store.append([{"clip_id": "a", "value": 1.0}])
    monkeypatch.setattr(pq.ParquetWriter, "write_table", half_then_full)
    with pytest.raises(OSError, match="No space left"):
        store.append([{"clip_id": "b", "value": 2.0}])
    assert store.read(["value"])["clip_id"].to_pylist() == ["a"]
    assert list(store.scratch.iterdir()) == []
