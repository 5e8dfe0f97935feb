"""Damage to any kind of Parquet file that we write is an error, and never other rows."""

import ast
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

import leitmotif
from leitmotif.pipelines.catalog_row import CATALOG_COLUMNS
from leitmotif.pipelines.stages.audio import AudioStage
from leitmotif.pipelines.stages.tagging import TaggingStage
from leitmotif.pipelines.takedown import sources
from leitmotif.pipelines.takedown.redact import Redactor, rewrite_table
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.features import open_features
from leitmotif.shards.schema import REJECTED
from leitmotif.shards.writer import open_shard
from leitmotif.storage import parquet
from leitmotif.storage.parquet import DamagedError
from leitmotif.storage.table import AppendOnlyTable
from tests.shards.test_writer import SCHEMA, a_row

ROWS, FLIPS = 8, 40
IDS = [f"{number:032x}" for number in range(ROWS)]
Read = Callable[[], Any]


def _number(kind: pa.DataType, rng: np.random.Generator) -> Any:
    if pa.types.is_list(kind):
        return [_number(kind.value_type, rng) for _ in range(4)]
    if pa.types.is_string(kind):
        return f"text {rng.integers(1000)}"
    if pa.types.is_boolean(kind):
        return bool(rng.integers(2))
    if pa.types.is_timestamp(kind):
        return int(rng.integers(1 << 50))
    return int(rng.integers(100)) if pa.types.is_integer(kind) else float(rng.random())


def _part(folder: Path, columns: pa.Schema) -> tuple[Path, Read]:
    """Write a part of a store and return it, with what reads it."""
    rng = np.random.default_rng(3)
    store = AppendOnlyTable(folder, columns, scratch=folder / "scratch")
    rows = [{"clip_id": key} | {each.name: _number(each.type, rng) for each in columns} for key in IDS]
    return store.append(rows), lambda: store.read(columns.names)


def _dataset(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    shard = folder / "data" / "train-00000-of-00001.parquet"
    with open_shard(shard, SCHEMA) as writer:
        writer.write_table(pa.Table.from_pylist([a_row(number) for number in range(ROWS)], schema=SCHEMA))
    return shard


def _shard(folder: Path, read: Callable[[Dataset], Any]) -> tuple[Path, Read]:
    return _dataset(folder), lambda: read(Dataset(folder))


def _rejected(folder: Path) -> tuple[Path, Read]:
    _dataset(folder)
    rows = [{"clip_id": key, "source_id": key, "rule": "static", "value": 0.5} for key in IDS]
    parquet.write_table(pa.Table.from_pylist(rows, schema=REJECTED), folder / "rejected.parquet")
    return folder / "rejected.parquet", lambda: Dataset(folder).rejected


def _measured(folder: Path) -> tuple[Path, Read]:
    _dataset(folder)
    table = pa.table({"clip_id": IDS, "fate": ["kept"] * ROWS, "step": IDS, "stopped_at": IDS})
    parquet.write_table(table, folder / "measured.parquet")
    return folder / "measured.parquet", lambda: Dataset(folder).measured()


def _features(folder: Path) -> tuple[Path, Read]:
    place = folder / "features" / "latents-0a"
    place.mkdir(parents=True)
    parquet.write_table(pa.table({"clip_id": IDS, "latent": [[1.0, 2.0]] * ROWS}), place / "0.parquet")
    return place / "0.parquet", lambda: open_features(folder, "latents").join(IDS)


def _redacted(folder: Path) -> tuple[Path, Read]:
    shard = _dataset(folder)
    beside = folder / "beside"
    rewrite_table(shard, beside, Redactor(frozenset({"0003"}), frozenset()))
    beside.replace(shard)
    return shard, lambda: Dataset(folder).table()


def _rows_of_part(folder: Path) -> tuple[Path, Read]:
    part, _ = _part(folder, AudioStage.COLUMNS)
    return part, lambda: list(sources._rows([part], ["clip_id"]))


KINDS: dict[str, Callable[[Path], tuple[Path, Read]]] = {
    "part of tagging": lambda folder: _part(folder, TaggingStage.COLUMNS),
    "one column of a part": _rows_of_part,
    "part of audio": lambda folder: _part(folder, AudioStage.COLUMNS),
    "part of the catalog": lambda folder: _part(folder, CATALOG_COLUMNS),
    "shard, by rows": lambda folder: _shard(folder, lambda dataset: list(dataset.rows())),
    "shard, as a table": lambda folder: _shard(folder, lambda dataset: dataset.table()),
    "shard, one column as a table": lambda folder: _shard(
        folder, lambda dataset: dataset.table(columns=["clip_id"])
    ),
    "shard, one column streamed": lambda folder: _shard(
        folder, lambda dataset: list(dataset.stream("train", ["clip_id"]))
    ),
    "shard, streamed": lambda folder: _shard(
        folder, lambda dataset: list(dataset.stream("train", dataset.columns))
    ),
    "shard, by row group": lambda folder: _shard(
        folder, lambda dataset: dataset.groups("train")[0].read(dataset.columns)
    ),
    "shard, a sample": lambda folder: _shard(folder, lambda dataset: dataset.sample(["clip_id"], 4, 0)),
    "shard after a takedown": _redacted,
    "rejected": _rejected,
    "measured": _measured,
    "features": _features,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_an_error_or_changes_nothing(kind: str, tmp_path: Path) -> None:
    path, read = KINDS[kind](tmp_path / "place")
    whole, right = path.read_bytes(), read()
    rng = random.Random(kind)
    length = int.from_bytes(whole[-8:-4], "little")
    in_footer = [rng.randrange(8 * (length + 32)) for _ in range(FLIPS)]
    places = [
        *(8 * len(whole) - 1 - place for place in (*range(64), *in_footer)),
        *(range(32, 32 + 8 * 24) if "one column" in kind else ()),  # the header of the first page
        *(rng.randrange(8 * len(whole)) for _ in range(FLIPS)),
    ]
    refused = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            found = read()
        except (DamagedError, DatasetError):
            refused += 1
        else:
            assert found == right, f"bit {place} of {len(whole) * 8}"
    assert refused > FLIPS


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_short_or_empty_is_an_error(kind: str, tmp_path: Path) -> None:
    path, read = KINDS[kind](tmp_path / "place")
    whole = path.read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises((DamagedError, DatasetError), match=path.name):
            read()


def test_other_readers_pass_over_the_digest_and_check_the_pages(tmp_path: Path) -> None:
    table = pa.table({"clip_id": IDS, "value": np.arange(ROWS)})
    path = tmp_path / "x.parquet"
    parquet.write_table(table, path)
    assert pq.read_table(path).equals(table)
    assert pads.dataset(path).to_table().equals(table)
    damaged = bytearray(path.read_bytes())
    damaged[60] ^= 1  # in the first page
    path.write_bytes(damaged)
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(path, page_checksum_verification=True).read()


def test_parts_without_checksums_are_read_as_before(tmp_path: Path) -> None:
    store = AppendOnlyTable(tmp_path, pa.schema([("value", pa.int64())]), scratch=tmp_path / "scratch")
    now = store.append([{"clip_id": "b", "value": 2}])
    old = pa.Table.from_pylist([{"clip_id": "a", "value": 1}], schema=store.schema)
    pq.write_table(old, now.with_name("part-00000000000000000001-0a0b0c0d.parquet"), compression="zstd")
    assert store.read(["value"])["value"].to_pylist() == [1, 2]


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    table = pa.table({"clip_id": IDS})
    for name in ("one", "two"):
        parquet.write_table(table, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_room_opens_parquet_files_but_by_the_one_that_checks() -> None:
    assert sorted(_users("pyarrow.parquet", "pyarrow.dataset")) == ["storage/parquet.py"]


def _users(*modules: str) -> Iterator[str]:
    root = Path(leitmotif.__file__).parent
    rooms = [path.parent for path in root.glob("*/__init__.py") if path.parent.name not in ("tests", "bench")]
    for path in [*root.glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]:
        name = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                named = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
            if set(named) & set(modules):
                yield name
                break


def test_a_copied_file_is_still_checked(tmp_path: Path) -> None:
    path, _ = _part(tmp_path / "store", AudioStage.COLUMNS)
    copy = Path(shutil.copy(path, tmp_path / "copy"))
    damaged = bytearray(copy.read_bytes())
    damaged[-20] ^= 1
    copy.write_bytes(damaged)
    with pytest.raises(DamagedError, match="its footer is not the one that was written"):
        parquet.read_metadata(copy)
