"""The reader of a published dataset: its splits, columns, rows and side tables."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from leitmotif.phrases import did_you_mean, no_such_folder
from leitmotif.shards.columns import MEDIA
from leitmotif.shards.errors import DatasetError, advice, reading
from leitmotif.shards.features import Features, open_features
from leitmotif.shards.layout import MEASURED_FILE, REJECTED_FILE, find_shards
from leitmotif.shards.manifest import MANIFEST, read_manifest
from leitmotif.shards.recipe import read_recipe
from leitmotif.shards.row_groups import RowGroup, Split, list_groups
from leitmotif.shards.sample import choose_rows, read_rows
from leitmotif.shards.side_tables import (
    SideTable,
    count_side_rows,
    read_measured,
    read_side_schemas,
    read_side_table,
)
from leitmotif.shards.split import check_sizes, open_split, split_fingerprint
from leitmotif.shards.stream import stream_tables
from leitmotif.shards.value_range import footer_range, scanned_range
from leitmotif.storage import parquet
from leitmotif.taxonomy.labels import Taxonomy, TaxonomyError, load

logger = logging.getLogger("leitmotif.shards")

# Media are read where they are asked for by name, and few rows at once (a row of frames is about half a
# megabyte, one of sound several).
ROWS_OF_MEDIA, ROWS_OF_NUMBERS = 16, 1024


class Dataset:
    """A published dataset.

    Attributes:
        path: Folder of the dataset.
        name: What it is called.
        shards: Parquet files of each split; train, validation, test, then others.
    """

    def __init__(self, path: str | os.PathLike[str], *, name: str | None = None) -> None:
        """Find its files; none of them is opened yet.

        Args:
            path: A folder that `leitmotif publish` wrote.
            name: What to call it; the folder's name by default.

        Raises:
            DatasetError: There is no such folder, or it holds neither shards nor a rejected.parquet.
        """
        self.path = Path(path)
        if not self.path.is_dir():
            raise DatasetError(
                f"{str(self.path)!r} is no dataset ({no_such_folder(self.path, MANIFEST)}); give the folder "
                "that `leitmotif publish` wrote"
            )
        self.shards = find_shards(self.path)
        if not self.shards and not (self.path / REJECTED_FILE).is_file():
            raise DatasetError(
                f"{self.path}: holds neither data/*.parquet nor rejected.parquet; give the folder that "
                "`leitmotif publish` wrote"
            )
        self.name = name or self.path.resolve().name.strip(".") or "dataset"
        self._footers: dict[str, tuple[parquet.FileMetaData, ...]] = {}
        self._splits: dict[str, Split] = {}

    @property
    def splits(self) -> dict[str, int]:
        """Rows of each split, from the footers."""
        return {split: sum(footer.num_rows for footer in self.footers(split)) for split in self.shards}

    @cached_property
    def schema(self) -> pa.Schema | None:
        """The Arrow schema of the shards; None where there is no shard."""
        for shards in self.shards.values():
            with reading(self.path, f"shard {shards[0].name}"):
                return parquet.read_schema(shards[0])
        return None

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [] if self.schema is None else list(self.schema.names)

    def columns_of(self, split: str) -> list[str]:
        """Return the names of the columns of one split.

        Raises:
            DatasetError: As of `footers`.
        """
        return list(self.footers(split)[0].schema.to_arrow_schema().names)

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """Everything that is needed to make it again: stages, settings, models; without what is no use."""
        return read_recipe(self.path)

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The label set that the tags come from; the one that ships where the folder's is no use."""
        path = self.path / "taxonomy.yaml"
        try:
            return load(path) if path.is_file() else load()
        except TaxonomyError as error:
            logger.warning("%s; the labels that ship are used; %s", error, advice(self.path))
            return load()

    @cached_property
    def fingerprint(self) -> str:
        """Changes with any byte of any shard.

        Raises:
            DatasetError: It has no manifest.
        """
        files = read_manifest(self.path)["files"]
        splits = [split_fingerprint(split, shards, files) for split, shards in self.shards.items()]
        return hashlib.blake2b(json.dumps(splits).encode(), digest_size=16).hexdigest()

    def footers(self, split: str) -> tuple[parquet.FileMetaData, ...]:
        """Return the footer of each shard of a split.

        Raises:
            DatasetError: There is no such split, or a shard is missing or damaged.
        """
        if split not in self._footers:
            self._footers[split] = tuple(map(self._read_footer, self._shards(split)))
        return self._footers[split]

    def groups(self, split: str) -> tuple[RowGroup, ...]:
        """Return the row groups of a split that have rows.

        Raises:
            DatasetError: As of `footers`.
        """
        return list_groups(self.shards[split], self.footers(split))

    def split(self, name: str) -> Split:
        """Return a split as trainers read it: whole, and known by its fingerprint.

        Raises:
            DatasetError: There is no manifest, no such split or no row in it; or a shard is missing, damaged,
                or not as the manifest says.
        """
        if name not in self._splits:
            files = read_manifest(self.path)["files"]
            check_sizes(self.path, self._shards(name), files)
            self._splits[name] = open_split(self.path, name, self.shards, self.footers(name), files)
        return self._splits[name]

    def table(self, split: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Return rows as an Arrow table.

        Args:
            split: One of `splits`; all of them by default.
            columns: Names of columns; all but sounds and pictures by default.

        Raises:
            DatasetError: There is no such split or column, or a file cannot be read.
        """
        chosen = self._columns(columns, [name for name in self.columns if name not in MEDIA])
        shards = self._shards(split)
        if not shards:
            return pa.table({})
        with reading(self.path, f"a table of {str(self.path)!r}"):
            return parquet.read_tables(shards, chosen)

    def rows(
        self, split: str | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Return rows one by one, read as they are asked for.

        Args:
            split: One of `splits`; all of them by default.
            columns: Names of columns; all by default, `row["audio"]["bytes"]` (FLAC) and `row["frames"]`
                (JPEG) too.

        Raises:
            DatasetError: There is no such split or column, or a file cannot be read.
        """
        return self._read_rows(self._shards(split), self._columns(columns, self.columns))

    def row(self, place: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return one row by its place among those of all splits, and its `split`.

        Args:
            place: Place among the rows of all splits, from 0.
            columns: Their names; those that the dataset lacks are left out.

        Raises:
            DatasetError: A file cannot be read.
        """
        before = 0
        for split in self.shards:
            for group in self.groups(split):
                if place - before in group.rows:
                    table = group.read(self._present(columns))
                    row: dict[str, Any] = table.slice(place - before - group.rows.start, 1).to_pylist()[0]
                    return {"split": split, **row}
            before += self.splits[split]
        raise IndexError(f"{self.path} holds no row {place}")

    def stream(self, split: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a split.

        Args:
            split: One of `splits`.
            columns: Their names; those that the dataset lacks are left out.

        Yields:
            Tables of about `leitmotif.shards.stream.BATCH_ROWS` rows, one chunk per column; texts that repeat
            may be dictionaries.
        """
        yield from stream_tables(self.path, self._shards(split), self._present(columns))

    def sample(self, columns: Sequence[str], count: int, seed: int) -> pa.Table:
        """Return some columns of a seeded sample of rows, and their `split`, in the order of the shards.

        Args:
            columns: Their names; those that the dataset lacks are left out.
            count: At most this many rows; see `leitmotif.shards.sample.choose_rows`.
            seed: Draws the sample.
        """
        present = self._present(columns)
        chosen = choose_rows(sum(self.splits.values()), count, seed)
        tables = []
        for split, shards in self.shards.items():
            for path in shards:
                with reading(self.path, f"shard {path.name}"), parquet.ParquetFile(path) as shard:
                    size = shard.metadata.num_rows
                    table = read_rows(shard, chosen[chosen < size], present)
                chosen = chosen[chosen >= size] - size
                tables.append(table.append_column("split", pa.array([split] * len(table), pa.string())))
        return pa.concat_tables(tables) if tables else pa.table({})

    def value_range(self, column: str) -> tuple[float, float] | None:
        """Return the least and greatest finite value of a column; None where it has none."""
        if column not in self.columns:
            return None
        known = footer_range([footer for split in self.shards for footer in self.footers(split)], column)
        if known is not None and all(map(math.isfinite, known)):
            return known
        tables = (table for split in self.shards for table in self.stream(split, [column]))
        return scanned_range(tables, column)

    @property
    def rejected(self) -> pa.Table:
        """Clips that a rule rejected, with the rule, the value and the threshold."""
        return self.side_table("rejected")

    @property
    def quarantined(self) -> pa.Table:
        """Clips that could not be measured, with the stage, the error and its message."""
        return self.side_table("quarantine")

    def side_table(self, name: SideTable, columns: Sequence[str] | None = None) -> pa.Table:
        """Return what became of the clips that are in no shard; empty where the dataset lacks the file.

        Args:
            name: Name of the table.
            columns: Names of columns; all by default.

        Raises:
            DatasetError: The file is damaged, or lacks a column.
        """
        return read_side_table(self.path, name, columns)

    def side_rows(self, name: SideTable) -> int:
        """Return how many rows a side table has, from its footer."""
        return count_side_rows(self.path, name)

    def side_schemas(self) -> dict[str, pa.Schema]:
        """Return the schema of each of rejected, quarantine and measured that the dataset has."""
        return read_side_schemas(self.path)

    def measured(self) -> pa.Table | None:
        """Return length, fate and numbers of every clip from measured.parquet.

        None where the folder has none, or its clips are not those of the shards and side tables any more.
        """
        if not (self.path / MEASURED_FILE).is_file():
            return None
        return read_measured(self.path, kept=sum(self.splits.values()))

    def features(self, name: str) -> Features:
        """Return a side table of features, keyed by `clip_id`.

        Args:
            name: Name of the features, or of their folder (`NAME-FINGERPRINT`) where several share it.

        Raises:
            DatasetError: There is no such table, several are called so, or their files are not of one schema.
        """
        return open_features(self.path, name)

    def _shards(self, split: str | None) -> tuple[Path, ...]:
        if split is not None and split not in self.shards:
            raise DatasetError(
                f"{str(self.path)!r} has no split {split!r}; {did_you_mean(split, self.shards)}"
                f"expected {' or '.join(self.shards) or 'none'}"
            )
        return tuple(path for name in self.shards if split in (None, name) for path in self.shards[name])

    def _present(self, columns: Sequence[str]) -> list[str]:
        return [name for name in columns if name in self.columns]

    def _columns(self, asked: Sequence[str] | None, otherwise: list[str]) -> list[str]:
        if asked is None:
            return otherwise
        if isinstance(asked, str):
            raise DatasetError(f"got columns {asked!r}; expected a list of names, such as [{asked!r}]")
        if unknown := [name for name in asked if name not in self.columns]:
            hint = did_you_mean(unknown[0], self.columns)
            raise DatasetError(f"got column {unknown[0]!r}; {hint}expected one of {', '.join(self.columns)}")
        return list(asked)

    def _read_footer(self, shard: Path) -> parquet.FileMetaData:
        with reading(self.path, f"shard {shard.name}"):
            return parquet.read_metadata(shard)

    def _read_rows(self, shards: Sequence[Path], columns: list[str]) -> Iterator[dict[str, Any]]:
        size = ROWS_OF_MEDIA if set(MEDIA) & set(columns) else ROWS_OF_NUMBERS
        for shard in shards:
            with reading(self.path, f"shard {shard.name}"), parquet.ParquetFile(shard) as file:
                for batch in file.iter_batches(size, columns=columns):
                    yield from batch.to_pylist()
