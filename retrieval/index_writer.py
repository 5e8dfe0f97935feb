"""Writes rows and vectors of an index, as they are read from a dataset or made by an encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.phrases import command, count
from leitmotif.retrieval import cells
from leitmotif.retrieval.clip_vectors import ClipEmbedder, ClipVector
from leitmotif.retrieval.folder import (
    COLUMNS,
    ROW_SCHEMA,
    ROWS,
    SpaceFacts,
    cell_schema,
    to_column,
    to_matrix,
    vector_schema,
)
from leitmotif.retrieval.spaces import SPACES, Model, model_of, space_named
from leitmotif.shards.dataset import Dataset
from leitmotif.storage import parquet
from leitmotif.storage.progress import OnProgress

# How far from 1 the length of a vector may be: numbers of 32 bits are a thousand times as exact.
LENGTH_SLACK = 1e-3
_AT_ONCE = 64  # vectors that are made between two lines of progress


def _pieces(made: Iterator[ClipVector]) -> Iterator[tuple[ClipVector, ...]]:
    """Yield what is made in pieces that are written at once."""
    while some := tuple(islice(made, _AT_ONCE)):
        yield some


def _open_vectors(folder: Path, name: str, dim: int) -> AbstractContextManager[Any]:
    path = folder / f"{name}.parquet"
    return parquet.open_writer(path, vector_schema(name, dim), plain=["vector"], use_dictionary=False)


class IndexWriter:
    """Writes rows and vectors as they are read, or made."""

    def __init__(self, dataset: Dataset, folder: Path, encoders: Mapping[str, Model]) -> None:
        self._dataset = dataset
        self._folder = folder
        self._encoders = encoders
        self._own = {
            name: model
            for name, space in SPACES.items()
            if space.column in dataset.columns and (model := model_of(dataset, space))
        }
        self._dims: dict[str, int] = {}
        self._unfit = dict.fromkeys([*SPACES, *encoders], 0)
        self._files: dict[str, Any] = {}
        self._searches: dict[str, tuple[int, float]] = {}

    def write(self, embedders: Mapping[str, ClipEmbedder], on_progress: OnProgress) -> pa.ChunkedArray:
        """Write everything; return the clips, in order."""
        total = sum(self._dataset.splits.values())
        clips = []
        with ExitStack() as opened:
            rows = opened.enter_context(parquet.open_writer(self._folder / ROWS, ROW_SCHEMA))
            for table in self._tables():
                rows.write_table(table.select(ROW_SCHEMA.names).cast(ROW_SCHEMA))
                clips.append(table["clip_id"])
                for name in self._own:
                    self._copy_vectors(name, table, opened)
                on_progress("index", sum(map(len, clips)), total)
            for name, embedder in embedders.items():
                done = 0
                for some in _pieces(embedder.embed(self._dataset)):
                    self._write_made(name, some, opened)
                    on_progress(name, done := done + len(some), total)
        for name in self._files:
            self._part(name)
        chunks = [chunk for column in clips for chunk in column.chunks]
        return pa.chunked_array(chunks, pa.string())

    def _tables(self) -> Iterator[pa.Table]:
        """Yield rows of the dataset, with all columns and the split."""
        vectors = [SPACES[name].column for name in self._own]
        for split in self._dataset.shards:
            for table in self._dataset.stream(split, [*COLUMNS, *vectors]):
                for field in ROW_SCHEMA:
                    if field.name == "split":
                        table = table.append_column(field, pa.array([split] * len(table), pa.string()))
                    elif field.name not in table.column_names:
                        table = table.append_column(field, pa.nulls(len(table), field.type))
                yield table

    def _copy_vectors(self, name: str, table: pa.Table, opened: ExitStack) -> None:
        column = table[SPACES[name].column].combine_chunks()
        valid = pc.is_valid(column)
        vectors = column.filter(valid)
        if not len(vectors):
            return
        flat = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        matrix = flat.reshape(len(vectors), -1)
        with np.errstate(over="ignore", invalid="ignore"):
            fit = np.abs(np.linalg.norm(matrix, axis=1) - 1) <= LENGTH_SLACK
        self._unfit[name] += int((~fit).sum())
        clips = table["clip_id"].filter(valid).filter(pa.array(fit)).combine_chunks()
        self._write_vectors(name, matrix[fit], [clips], opened)

    def _write_made(self, name: str, made: Sequence[ClipVector], opened: ExitStack) -> None:
        fit = [(each.clip_id, each.vector, each.digest) for each in made if each.vector is not None]
        self._unfit[name] += len(made) - len(fit)
        if fit:
            clips, vectors, digests = zip(*fit, strict=True)
            texts = [pa.array(column, pa.string()) for column in (clips, digests)]
            self._write_vectors(name, np.stack(vectors), texts, opened)

    def _write_vectors(
        self, name: str, matrix: np.ndarray, texts: Sequence[pa.Array], opened: ExitStack
    ) -> None:
        """Write vectors, float32 (n, dim), with the clip of each, and the digest where there is one."""
        if not len(matrix):
            return
        if name not in self._files:
            self._dims[name] = matrix.shape[1]
            self._files[name] = opened.enter_context(_open_vectors(self._folder, name, self._dims[name]))
        clips, *digests = texts
        columns = [clips, to_column(matrix), pa.nulls(len(clips), pa.int32()), *digests]
        schema = vector_schema(name, self._dims[name])
        self._files[name].write_table(pa.Table.from_arrays(columns, schema=schema))

    def _part(self, name: str) -> None:
        """Part the vectors of a space into cells, where there are very many."""
        path, dim = self._folder / f"{name}.parquet", self._dims[name]
        if parquet.read_metadata(path).num_rows < cells.FROM_VECTORS:
            return
        table = parquet.read_table(path)
        parted = cells.part(to_matrix(table["vector"], dim), np.random.default_rng(0))
        table = table.take(pa.array(parted.order)).set_column(2, "cell", pa.array(parted.cell))
        self._searches[name] = cells.measure_probes(
            to_matrix(table["vector"], dim), parted, np.random.default_rng(1)
        )
        with _open_vectors(self._folder, name, dim) as writer:
            writer.write_table(table)
        centroids = pa.Table.from_arrays([to_column(parted.centroids)], schema=cell_schema(dim))
        parquet.write_table(centroids, self._folder / f"{name}-cells.parquet")

    def spaces(self) -> dict[str, SpaceFacts]:
        """Return what is to be said of the spaces that have a clip."""
        found = {}
        for name in self._files:
            probes, recall = self._searches.get(name, (None, None))
            model = self._own[name] if name in self._own else self._encoders[name]
            found[name] = SpaceFacts(model, self._dims[name], recall, probes)
        return found

    def notes(self) -> Iterator[str]:
        """Yield what is to be known, a line each."""
        for name, unfit in self._unfit.items():
            space = space_named(name)
            if unfit:
                is_so = "is not of length 1" if name in SPACES else "cannot be read"
                yield (
                    f"{count(unfit, 'clip')} left out of {name}: their {space.column} {is_so}; "
                    f"`{command('validate', self._dataset.path)}` says which"
                )
            if name not in self._files:
                yield f"no clip has a {space.column}: nothing can be found by {space.of} ({name})"
