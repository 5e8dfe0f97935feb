"""An append-only table in Parquet files, such as the store of each stage: what is in it is what is done."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.storage import parquet
from leitmotif.storage.atomic import set_aside
from leitmotif.storage.held_tables import HeldTables
from leitmotif.storage.parquet import DamagedError, naming_damage

logger = logging.getLogger("leitmotif.storage")

KEY = "clip_id"
PARTS = "part-*.parquet"
# Keys and numbers that were asked for last, with the parts that they were read from, up to so many bytes:
# those of a million clips take about 50 MB for each stage.
KNOWN = HeldTables(256 << 20)
STATUS = [("error", pa.string()), ("message", pa.string())]


class AppendOnlyTable:
    """Rows of one stage or record, keyed by `clip_id`, in part files that appear whole or not at all.

    A row is either measured (`error` is null) or failed (`error` and `message` say why, columns are null).
    Parts are never changed. When a key occurs again, a measured row beats a failed one and a later part beats
    an earlier one, so that a retry only has to append.
    """

    def __init__(self, folder: Path, columns: pa.Schema, *, scratch: Path) -> None:
        """Name the table; nothing is read or written yet.

        Args:
            folder: Where the parts lie.
            columns: Columns of the table's own, without key, error and message.
            scratch: Folder on the same file system for files that are not whole yet.
        """
        self.folder = folder
        self.scratch = scratch
        self.schema = pa.schema([(KEY, pa.string()), *columns, *STATUS])

    def parts(self) -> list[Path]:
        """Return the part files, oldest first."""
        return sorted(self.folder.glob(PARTS))

    def append(self, rows: Sequence[dict[str, object]]) -> Path:
        """Write the rows as one new part.

        Args:
            rows: One mapping per clip; absent columns are null.

        Returns:
            The part file.

        Raises:
            OSError: The disk refused; no part is left behind.
        """
        table = pa.Table.from_pylist(list(rows), schema=self.schema)
        name = f"part-{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.parquet"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, self.folder / name, beside=self.scratch / name)
        return self.folder / name

    def index(self) -> pa.Table:
        """Return `clip_id`, `error`, `message` and `part` (a row of `parts()`) of each key, sorted by key."""
        return self.read([], with_part=True)

    def read(
        self, columns: Sequence[str], *, parts: Iterable[Path] | None = None, with_part: bool = False
    ) -> pa.Table:
        """Return the current row of each key, sorted by key.

        Args:
            columns: Columns to read beside the key, `error` and `message`.
            parts: Only these part files; all of them by default.
            with_part: Add the column `part`, the number of the file in `parts()`.

        Returns:
            One row per key.

        Raises:
            DamagedError: A part is damaged; the error names it.
        """
        chosen = self.parts() if parts is None else sorted(parts)
        if not all(pa.types.is_primitive(self.schema.field(name).type) for name in columns):
            table = self._read(columns, chosen)
        else:
            # Every run asks several times in a row; parts that stand are as they were.
            states = [part.stat() for part in chosen]
            stamp = tuple(
                (part.name, state.st_mtime_ns, state.st_size)
                for part, state in zip(chosen, states, strict=True)
            )
            asked = self.folder, tuple(columns)
            known = KNOWN.take(asked, stamp)
            table = self._read(columns, chosen) if known is None else known
            KNOWN.keep(asked, stamp, table)
        return table if with_part else table.drop_columns(["part"])

    def _read(self, columns: Sequence[str], chosen: Sequence[Path]) -> pa.Table:
        names = [KEY, *columns, *(name for name, _ in STATUS)]
        tables = [
            table.append_column("part", pa.array(np.full(len(table), number, np.int32)))
            for number, table in enumerate(self.tables(names, parts=chosen))
        ]
        if not tables:
            schema = [self.schema.field(name) for name in names]
            return pa.table(
                {field.name: pa.array([], field.type) for field in schema}
                | {"part": pa.array([], pa.int32())}
            )
        return _current(pa.concat_tables(tables))

    def read_without_damaged(self, columns: Sequence[str]) -> pa.Table:
        """Return the current row of each key, as `read` does; parts that are damaged are set aside, and said.

        For what can be found out again.

        Raises:
            OSError: The disk refused.
        """
        while True:
            try:
                return self.read(columns)
            except DamagedError as damaged:
                aside = set_aside(damaged.path)
                logger.warning("%s; set aside%s", damaged, f" as {aside.name}" if aside else "")

    def tables(self, names: Sequence[str], *, parts: Sequence[Path] | None = None) -> Iterator[pa.Table]:
        """Yield some columns of each part, with all of its rows.

        A column that an older version did not write is null.

        Args:
            names: Columns of `schema`.
            parts: Only these part files, in this order; all of them, oldest first, by default.

        Raises:
            DamagedError: A part is damaged; the error names it.
        """
        schema = pa.schema([self.schema.field(name) for name in names])
        for part in self.parts() if parts is None else parts:
            with naming_damage(part), parquet.ParquetFile(part) as file:
                table = _with_columns(file.read(columns=list(names), use_threads=False), schema)
            yield table


def _with_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a part's columns in order; one that an older version did not write is null."""
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _current(table: pa.Table) -> pa.Table:
    """Keep one row per key: measured before failed, then the latest; sorted by key."""
    order = pc.sort_indices(
        pa.table(
            {
                "key": table[KEY],
                "measured": pc.cast(pc.is_null(table["error"]), pa.int8()),
                "row": pa.array(np.arange(len(table))),
            }
        ),
        sort_keys=[("key", "ascending"), ("measured", "descending"), ("row", "descending")],
    )
    table = table.take(order)
    keys = table[KEY].combine_chunks()
    if len(keys) < 2:
        return table
    first = np.ones(len(keys), bool)
    first[1:] = pc.not_equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)
    return table if first.all() else table.filter(pa.array(first))


def drop_rows(folder: Path, column: str, values: Collection[str], *, scratch: Path) -> None:
    """Take rows out of a table; each part that holds one is written anew, whole or not at all.

    Args:
        folder: Where the parts lie.
        column: A column.
        values: What the rows have there.
        scratch: Folder on the same file system.

    Raises:
        DamagedError: A part is damaged.
        OSError: The disk refused.
    """
    for part in sorted(folder.glob(PARTS)):
        with naming_damage(part):
            if not set(values) & set(parquet.read_table(part, [column])[column].to_pylist()):
                continue
            table = parquet.read_table(part)
        kept = table.filter(pc.invert(pc.is_in(table[column], value_set=pa.array(sorted(values)))))
        if len(kept):
            parquet.write_table(kept, part, beside=scratch / part.name)
        else:
            part.unlink()
