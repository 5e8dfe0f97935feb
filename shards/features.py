"""Side tables of features: sequences and latents beside the shards, keyed by `clip_id`.

DATASET/features/NAME-FINGERPRINT/*.parquet

A file has a column `clip_id`, where every clip occurs once at most over all files, and at least one more.
Rows stand in any order, and clips may be missing. The fingerprint is that of what encoded them, so that
features of two encoders never mix.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.shards.errors import DatasetError, reading
from leitmotif.shards.layout import FEATURES
from leitmotif.shards.sample import read_rows
from leitmotif.storage import parquet

KEY = "clip_id"
# In the metadata of each file's schema: what the encoder noted of itself, as a JSON object.
FACTS = b"leitmotif"
# Likewise, the columns of the shards that a row was made from, as a JSON list.
READ = b"leitmotif-read"


@dataclass(frozen=True)
class Features:
    """A side table.

    Attributes:
        dataset: The folder of the dataset.
        name: Name of the features.
        fingerprint: Fingerprint of what made them.
        files: Files of the table, in order.
        schema: Schema of every file.
    """

    dataset: Path
    name: str
    fingerprint: str
    files: tuple[Path, ...]
    schema: pa.Schema

    @property
    def facts(self) -> dict[str, Any]:
        """What the encoder noted of itself; empty where it noted nothing."""
        noted = (self.schema.metadata or {}).get(FACTS)
        found = {} if noted is None else json.loads(noted)
        return found if isinstance(found, dict) else {}

    @property
    def read(self) -> list[str]:
        """Columns of the shards that its rows were made from; empty where nobody noted them."""
        return list(json.loads((self.schema.metadata or {}).get(READ, b"[]")))

    @cached_property
    def clip_ids(self) -> pa.Array:
        """The clip of each row, over all files in order, shape (rows,).

        Raises:
            DatasetError: A file is damaged.
        """
        found = []
        for path in self.files:
            with reading(self.dataset, self._say(path)):
                found.append(parquet.read_table(path, columns=[KEY])[KEY].combine_chunks())
        return pa.concat_arrays(found)

    def places(self, clip_ids: Sequence[str]) -> np.ndarray:
        """Return the row that holds each clip, over all files; int64 (n,), -1 of one that none has."""
        wanted = pa.array(clip_ids, pa.string())
        return np.asarray(pc.fill_null(pc.index_in(wanted, value_set=self.clip_ids), -1), np.int64)

    def join(self, clip_ids: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
        """Return the features of some clips, a row for each in their order.

        Only row groups that hold one of them are read.

        Args:
            clip_ids: The clips wanted.
            columns: Names of columns; all but `clip_id` by default.

        Returns:
            The columns; of a clip without features they are null.

        Raises:
            DatasetError: There is no such column, or a file is missing or damaged.
        """
        chosen = self._columns(columns)
        places = self.places(clip_ids)
        rows, order = np.unique(places[places >= 0], return_inverse=True)
        tables = [pa.schema([self.schema.field(name) for name in chosen]).empty_table()]
        start = 0
        for path in self.files:
            with reading(self.dataset, self._say(path)), parquet.ParquetFile(path) as file:
                end = start + file.metadata.num_rows
                here = rows[(rows >= start) & (rows < end)] - start
                tables.append(read_rows(file, here, chosen))
            start = end
        where = np.full(len(places), -1, np.int64)
        where[places >= 0] = order
        return pa.concat_tables(tables).take(pa.array(where, mask=where < 0))

    def check(self, clip_ids: Sequence[str]) -> Iterator[str]:
        """Yield what is wrong with the table, a line each.

        Args:
            clip_ids: All clips of the dataset.
        """
        place = self.files[0].parent.relative_to(self.dataset).as_posix()
        if self.clip_ids.null_count:
            yield f"{place}: {self.clip_ids.null_count} rows without {KEY}"
        for found in pc.value_counts(self.clip_ids.drop_null()):
            if found["counts"].as_py() > 1:
                yield f"{place}: {found['values']} occurs {found['counts']} times, expected once"
        strangers = pc.invert(pc.is_in(self.clip_ids, value_set=pa.array(clip_ids, pa.string())))
        for clip_id in self.clip_ids.filter(strangers).drop_null().unique():
            yield f"{place}: {clip_id} is no clip of the dataset"

    def _columns(self, asked: Sequence[str] | None) -> list[str]:
        known = [name for name in self.schema.names if name != KEY]
        if unknown := [name for name in asked or () if name not in self.schema.names]:
            raise DatasetError(
                f"the features {self.name!r} have no column {unknown[0]!r}; expected {' or '.join(known)}"
            )
        return known if asked is None else list(asked)

    def _say(self, path: Path) -> str:
        return path.relative_to(self.dataset).as_posix()


def list_features(dataset: Path) -> list[Path]:
    """Return the folders of all side tables of a dataset, by name."""
    return sorted(path for path in (dataset / FEATURES).glob("*-*") if path.is_dir())


def has_features(dataset: Path, folder: str) -> bool:
    """Tell whether a folder of a dataset's side tables holds a file of rows."""
    return bool(_files(dataset / FEATURES / folder))


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.parquet")))


def open_features(dataset: Path, name: str) -> Features:
    """Open a side table; its footers are read.

    Args:
        dataset: The folder of the dataset.
        name: Name of the features, or of their folder where there are several of that name.

    Raises:
        DatasetError: There is no such table or several, or a file of it is damaged, of another schema than
            the first, or without `clip_id`.
    """
    folders = list_features(dataset)
    known = ", ".join(path.name for path in folders) or "none"
    found = [path for path in folders if name in (path.name, path.name.rpartition("-")[0])]
    if not found:
        raise DatasetError(f"{str(dataset)!r} has no features {name!r}; it has {known}")
    if len(found) > 1:
        raise DatasetError(
            f"{str(dataset)!r} has {len(found)} tables of features {name!r}; give one of "
            f"{', '.join(path.name for path in found)}"
        )
    files = _files(found[0])
    if not files:
        raise DatasetError(
            f"features/{found[0].name} of {str(dataset)!r} holds no *.parquet; encode it again"
        )
    schemas = []
    for path in files:
        with reading(dataset, path.relative_to(dataset).as_posix()):
            schemas.append(parquet.read_schema(path))
    for path, schema in zip(files, schemas, strict=True):
        place = path.relative_to(dataset).as_posix()
        if KEY not in schema.names or schema.field(KEY).type != pa.string() or len(schema) < 2:
            raise DatasetError(
                f"{place} has the columns {', '.join(schema.names) or 'none'}; expected {KEY} (string) and "
                "features beside it"
            )
        if not schema.equals(schemas[0]):
            raise DatasetError(f"{place} has other columns than {files[0].name}; encode it again")
    short, _, fingerprint = found[0].name.rpartition("-")
    return Features(dataset, short, fingerprint, files, schemas[0])
