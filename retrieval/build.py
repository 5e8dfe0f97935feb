"""Index a dataset: what its rows say and how its clips were embedded, as one folder that appears whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.phrases import command, count
from leitmotif.retrieval import cells
from leitmotif.retrieval.folder import (
    COLUMNS,
    FACTS,
    ROW_SCHEMA,
    ROWS,
    Facts,
    SpaceFacts,
    cell_schema,
    read_facts,
    read_rows,
    read_vectors,
    to_column,
    to_matrix,
    vector_schema,
    write_facts,
)
from leitmotif.retrieval.spaces import SPACES, model_of
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.layout import INDEX
from leitmotif.shards.manifest import note_written, read_manifest
from leitmotif.storage import parquet
from leitmotif.storage.atomic import clear_leftovers, whole_folder
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import OutsideError, UserError, describe_machine_fault, is_machine_fault
from leitmotif.storage.places import check_place
from leitmotif.storage.progress import OnProgress, show_nothing

# How far from 1 the length of a vector may be: numbers of 32 bits are a thousand times as exact.
LENGTH_SLACK = 1e-3


@dataclass(frozen=True)
class Indexed:
    """What became of indexing.

    Attributes:
        index: The folder.
        clips: How many it holds.
        added: Of them, those that it did not hold before.
        removed: Those that it held, and that the dataset has no more.
        vectors: How many clips each space has.
        written: Whether anything was to be written.
        notes: What is to be known, a line each.
    """

    index: str
    clips: int
    added: int
    removed: int
    vectors: dict[str, int]
    written: bool
    notes: tuple[str, ...]


def build(dataset: Dataset, out: Path | None = None, *, on_progress: OnProgress = show_nothing) -> Indexed:
    """Bring the index of a dataset up to date.

    Args:
        dataset: The dataset.
        out: The index; by default the folder `INDEX` in the dataset.
        on_progress: Called with how many clips are indexed.

    Raises:
        UserError: The dataset cannot be read, its rows were embedded by several models, or `out` holds
            something else.
        OutsideError: The disk refused; a former index is untouched.
    """
    folder = dataset.path / INDEX if out is None else out
    _check_target(folder, dataset)
    fingerprint = dataset.fingerprint
    former, before, notes = _former(folder, dataset)
    if former is not None and former.dataset == fingerprint:
        _note(dataset, folder)
        return Indexed(str(folder), len(before), 0, 0, _sizes(folder, former), False, ())
    try:
        with whole_folder(folder) as beside:
            writer = _Writer(dataset, beside)
            clips = writer.write(on_progress)
            facts = Facts(fingerprint, writer.spaces())
            write_facts(beside, facts)
        _note(dataset, folder)
    except (OSError, MemoryError) as error:
        if not is_machine_fault(error, writing=True):
            raise
        raise OutsideError(f"{describe_machine_fault(error, folder)} and index again") from error
    kept = int(pc.sum(pc.is_in(clips, value_set=before)).as_py() or 0)
    return Indexed(
        index=str(folder),
        clips=len(clips),
        added=len(clips) - kept,
        removed=len(before) - kept,
        vectors=_sizes(folder, facts),
        written=True,
        notes=(*notes, *writer.notes()),
    )


def _sizes(folder: Path, facts: Facts) -> dict[str, int]:
    return {name: parquet.read_metadata(folder / f"{name}.parquet").num_rows for name in facts.spaces}


def _check_target(folder: Path, dataset: Dataset) -> None:
    check_place(folder)
    if folder.absolute().parent.is_dir():
        clear_leftovers(folder)
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not (folder / FACTS).is_file() and not is_empty:
        raise UserError(f"{str(folder)!r} exists and is no index (no {FACTS}); choose another --out")
    place = dataset.path / INDEX
    if folder.resolve().is_relative_to(dataset.path.resolve()) and folder.resolve() != place.resolve():
        raise UserError(
            f"{str(folder)!r} lies in the dataset; its index is {str(place)!r}, without --out; else give a "
            "place outside it"
        )


def _former(folder: Path, dataset: Dataset) -> tuple[Facts | None, pa.ChunkedArray, list[str]]:
    """Return what an index says of itself and its clips, if it is whole; and what is to be known of it."""
    nothing = pa.chunked_array([], pa.string())
    if not (folder / FACTS).is_file():
        return None, nothing, []
    try:
        facts = read_facts(folder, dataset.path)
        for name, space in facts.spaces.items():
            read_vectors(folder, dataset.path, name, space.dim)
        return facts, read_rows(folder, dataset.path)["clip_id"], []
    except DatasetError as error:
        return None, nothing, [f"the former index was made anew: {str(error).rpartition('; ')[0]}"]


def _note(dataset: Dataset, folder: Path) -> None:
    """Have the dataset's manifest state the index that lies in it."""
    if folder.resolve() != (dataset.path / INDEX).resolve():
        return
    files = read_manifest(dataset.path)["files"]
    stated = {name for name in files if name.startswith(f"{INDEX}/")}
    here = {path.relative_to(dataset.path).as_posix(): path for path in folder.iterdir()}
    facts = f"{INDEX}/{FACTS}"
    # It is written last, and no two are alike.
    if stated != here.keys() or files[facts]["sha256"] != sha256_of(here[facts]):
        note_written(dataset.path, here.values(), dropped=[dataset.path / name for name in stated])


def _open_vectors(path: Path, dim: int) -> AbstractContextManager[Any]:
    return parquet.open_writer(path, vector_schema(dim), plain=["vector"], use_dictionary=False)


class _Writer:
    """Writes rows and vectors as they are read."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        self._dataset = dataset
        self._folder = folder
        self._models = {
            name: model
            for name, space in SPACES.items()
            if space.column in dataset.columns and (model := model_of(dataset, space))
        }
        self._dims: dict[str, int] = {}
        self._unfit = dict.fromkeys(SPACES, 0)
        self._files: dict[str, Any] = {}
        self._searches: dict[str, tuple[int, float]] = {}

    def write(self, on_progress: OnProgress) -> pa.ChunkedArray:
        """Write everything; return the clips, in order."""
        total = sum(self._dataset.splits.values())
        clips = []
        with ExitStack() as opened:
            rows = opened.enter_context(parquet.open_writer(self._folder / ROWS, ROW_SCHEMA))
            for table in self._tables():
                rows.write_table(table.select(ROW_SCHEMA.names).cast(ROW_SCHEMA))
                clips.append(table["clip_id"])
                for name in self._models:
                    self._write_vectors(name, table, opened)
                on_progress("index", sum(map(len, clips)), total)
        for name in self._files:
            self._part(name)
        chunks = [chunk for column in clips for chunk in column.chunks]
        return pa.chunked_array(chunks, pa.string())

    def _tables(self) -> Iterator[pa.Table]:
        """Yield rows of the dataset, with all columns and the split."""
        vectors = [SPACES[name].column for name in self._models]
        for split in self._dataset.shards:
            for table in self._dataset.stream(split, [*COLUMNS, *vectors]):
                for field in ROW_SCHEMA:
                    if field.name == "split":
                        table = table.append_column(field, pa.array([split] * len(table), pa.string()))
                    elif field.name not in table.column_names:
                        table = table.append_column(field, pa.nulls(len(table), field.type))
                yield table

    def _write_vectors(self, name: str, table: pa.Table, opened: ExitStack) -> None:
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
        clips, matrix = table["clip_id"].filter(valid).filter(pa.array(fit)).combine_chunks(), matrix[fit]
        if not len(matrix):
            return
        if name not in self._files:
            self._dims[name] = matrix.shape[1]
            writer = _open_vectors(self._folder / f"{name}.parquet", self._dims[name])
            self._files[name] = opened.enter_context(writer)
        kind = vector_schema(self._dims[name])
        whole = pa.nulls(len(clips), pa.int32())
        self._files[name].write_table(pa.Table.from_arrays([clips, to_column(matrix), whole], schema=kind))

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
        with _open_vectors(path, dim) as writer:
            writer.write_table(table)
        centroids = pa.Table.from_arrays([to_column(parted.centroids)], schema=cell_schema(dim))
        parquet.write_table(centroids, self._folder / f"{name}-cells.parquet")

    def spaces(self) -> dict[str, SpaceFacts]:
        """Return what is to be said of the spaces that have a clip."""
        found = {}
        for name in self._files:
            probes, recall = self._searches.get(name, (None, None))
            found[name] = SpaceFacts(self._models[name], self._dims[name], recall, probes)
        return found

    def notes(self) -> Iterator[str]:
        """Yield what is to be known, a line each."""
        for name, space in SPACES.items():
            if self._unfit[name]:
                yield (
                    f"{count(self._unfit[name], 'clip')} left out of {name}: their {space.column} is not of "
                    f"length 1; `{command('validate', self._dataset.path)}` says which"
                )
            if name not in self._files:
                yield f"no clip has a {space.column}: nothing can be found by {space.of} ({name})"
