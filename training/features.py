"""Side tables of features are filled: what a frozen network says of each clip, once, beside the shards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.features import FACTS, KEY, READ, has_features, open_features
from leitmotif.shards.layout import FEATURES
from leitmotif.storage import parquet
from leitmotif.storage.atomic import clear_folder, whole_file
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.storage.lock import LOCK, InUseError, hold
from leitmotif.storage.progress import OnProgress, show_nothing

Row = dict[str, Any]
# A training looks up single rows, each with its row group; a killed run loses one part.
GROUP_BYTES, PART_BYTES = 1 << 20, 32 << 20
_FORM = "part-{:05d}.parquet"


@dataclass(frozen=True)
class Encoding:
    """How a side table is made.

    Attributes:
        name: Name of the table.
        fingerprint: Changes with whatever changes its numbers.
        schema: Its columns, `clip_id` first.
        columns: Columns of the shards that `encode` needs, `clip_id` among them.
        encode: Makes one row of the table of each row, in order.
        facts: What is noted of the encoder, for JSON.
    """

    name: str
    fingerprint: str
    schema: pa.Schema
    columns: Sequence[str]
    encode: Callable[[Row], Row]
    facts: Mapping[str, Any]

    @property
    def folder_name(self) -> str:
        """Name of the table's folder."""
        return f"{self.name}-{self.fingerprint}"


@dataclass(frozen=True)
class Encoded:
    """What an encoding came to.

    Attributes:
        folder: Folder of the table.
        rows: Rows of the table.
        computed: Those that this run made.
    """

    folder: Path
    rows: int
    computed: int


def fill_table(dataset: Dataset, encoding: Encoding, on_progress: OnProgress = show_nothing) -> Encoded:
    """Encode the clips that a table lacks; each part of it appears whole or not at all.

    Args:
        dataset: The dataset.
        encoding: How.
        on_progress: Called after each clip.

    Returns:
        What became of it. A run that is killed or fails keeps the parts that stand; the next one goes on.

    Raises:
        UserError: A row cannot be encoded; those before it are written.
        OutsideError: The disk refused, or another run fills the table.
    """
    folder = dataset.path / FEATURES / encoding.folder_name
    with _held(folder):
        present = _clips_there(dataset, encoding)
        total, begun = sum(dataset.splits.values()), len(present)
        writer = _Writer(folder, encoding)
        done = begun
        try:
            for row in _missing_rows(dataset, encoding.columns, present):
                writer.add(encoding.encode(row))
                done += 1
                on_progress("encode", done, total)
        finally:
            writer.flush()
    return Encoded(folder, done, done - begun)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with hold(folder / LOCK):
            clear_folder(folder)
            yield
    except InUseError as error:
        raise OutsideError(f"{str(folder)!r} is being filled by another run; wait for it to end") from error
    except PermissionError as error:
        raise UserError(
            f"{str(folder)!r} cannot be written ({error.strerror}); make the dataset's folder writable"
        ) from error


def _clips_there(dataset: Dataset, encoding: Encoding) -> set[str]:
    """Return the clips of the dataset that the table has."""
    if not has_features(dataset.path, encoding.folder_name):
        return set()
    found = open_features(dataset.path, encoding.folder_name).clip_ids.to_pylist()
    return set(found) & set(dataset.table(columns=[KEY])[KEY].to_pylist())


def _missing_rows(dataset: Dataset, columns: Sequence[str], present: set[str]) -> Iterator[Row]:
    """Yield the rows of all splits that a table lacks; of row groups that it has whole only ids are read."""
    for split in dataset.shards:
        for group in dataset.groups(split):
            ids = group.read([KEY])[KEY].to_pylist()
            if set(ids) <= present:
                continue
            for batch in group.read(list(columns)).to_batches(max_chunksize=1):
                (row,) = batch.to_pylist()
                if row[KEY] not in present:
                    yield row


class _Writer:
    """Collects rows and writes them as parts, in row groups of about `GROUP_BYTES`."""

    def __init__(self, folder: Path, encoding: Encoding) -> None:
        self.folder = folder
        noted = {
            FACTS: json.dumps(dict(encoding.facts)).encode(),
            READ: json.dumps(list(encoding.columns)).encode(),
        }
        self.schema = encoding.schema.with_metadata(noted)
        self.waiting: list[pa.Table] = []
        self.bytes = 0

    def add(self, row: Row) -> None:
        """Take one more row; write a part once there are enough."""
        columns = [_column(row[field.name], field.type) for field in self.schema]
        table = pa.Table.from_arrays(columns, schema=self.schema)
        self.waiting.append(table)
        self.bytes += table.nbytes
        if self.bytes >= PART_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self.waiting:
            return
        taken = [int(path.stem.split("-")[1]) for path in self.folder.glob(_FORM.replace("{:05d}", "*"))]
        path = self.folder / _FORM.format(max(taken, default=-1) + 1)
        with whole_file(path) as beside, parquet.open_writer(beside, self.schema) as writer:
            group: list[pa.Table] = []
            for table in self.waiting:
                group.append(table)
                if sum(each.nbytes for each in group) >= GROUP_BYTES:
                    writer.write_table(pa.concat_tables(group))
                    group = []
            if group:
                writer.write_table(pa.concat_tables(group))
        self.waiting, self.bytes = [], 0


def _column(value: Any, kind: pa.DataType) -> pa.Array:
    """Return one value as a column; an array (n, m) becomes a list of lists of one length."""
    if not isinstance(value, np.ndarray):
        return pa.array([value], kind)
    items = pa.array(np.ascontiguousarray(value).ravel(), kind.value_type.value_type)
    inner = pa.FixedSizeListArray.from_arrays(items, kind.value_type.list_size)
    return pa.ListArray.from_arrays(pa.array([0, len(inner)], pa.int32()), inner).cast(kind)
