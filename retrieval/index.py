"""An index, opened: what is known of clips, and who is near to whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.retrieval.cells import CellIndex
from leitmotif.retrieval.folder import (
    Facts,
    read_cells,
    read_facts,
    read_rows,
    read_vectors,
    reading_index,
    to_matrix,
)
from leitmotif.retrieval.spaces import Space
from leitmotif.retrieval.vectors import NumpyIndex, VectorIndex
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.layout import INDEX
from leitmotif.storage.parquet import DamagedError


@dataclass(frozen=True)
class Vectors:
    """The clips of a space.

    Attributes:
        rows: The row of each among all clips, int64 (n,).
        exact: Compares with all of them.
        approximate: Looks into a part of them, where there are very many.
        places: Where each row of all clips stands among these, int64 (clips,); -1 of one that does not.
    """

    rows: np.ndarray
    exact: NumpyIndex
    approximate: CellIndex | None
    places: np.ndarray

    def place(self, row: int) -> int | None:
        """Return where a row stands among them; None where it has no vector."""
        return int(self.places[row]) if self.places[row] >= 0 else None


class Index:
    """An index of a dataset; rows and vectors are read when they are first asked for.

    Attributes:
        path: Its folder.
        dataset: The dataset.
        facts: What it says of itself.
    """

    def __init__(self, dataset: Dataset, path: Path | None = None) -> None:
        """Open it.

        Args:
            dataset: The dataset that it is of.
            path: Its folder; by default the one in the dataset.

        Raises:
            DatasetError: There is no index, or it is damaged.
        """
        self.dataset = dataset
        self.path = dataset.path / INDEX if path is None else path
        self.facts: Facts = read_facts(self.path, dataset.path)
        self._vectors: dict[str, Vectors] = {}

    @property
    def is_fresh(self) -> bool:
        """Whether it is of the dataset as it is now."""
        return self.facts.dataset == self.dataset.fingerprint

    @cached_property
    def rows(self) -> pa.Table:
        """What is known of every clip (`leitmotif.retrieval.folder.ROW_SCHEMA`)."""
        return read_rows(self.path, self.dataset.path)

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, number: int) -> dict[str, Any]:
        """Return what is known of one clip."""
        found: dict[str, Any] = self.rows.slice(number, 1).to_pylist()[0]
        return found

    def numbers(self, column: str, values: set[str]) -> np.ndarray:
        """Return the rows whose text in a column is one of some, int64 (n,)."""
        found = pc.is_in(self.rows[column], value_set=pa.array(sorted(values), pa.string()))
        return np.flatnonzero(np.asarray(found))

    def vectors(self, space: Space) -> Vectors:
        """Return the clips of a space.

        Raises:
            DatasetError: No clip is in it, or its file is damaged.
        """
        if space.name not in self._vectors:
            if space.name not in self.facts.spaces:
                raise DatasetError(
                    f"no clip of {str(self.dataset.path)!r} has a {space.column}, so nothing can be compared "
                    f"by its {space.of}; curate with the stage {space.stage}, publish and index again"
                )
            self._vectors[space.name] = self._read_vectors(space)
        return self._vectors[space.name]

    def _read_vectors(self, space: Space) -> Vectors:
        facts, folder, dataset = self.facts.spaces[space.name], self.path, self.dataset.path
        table = read_vectors(folder, dataset, space.name, facts.dim)
        found = pc.index_in(table["clip_id"], value_set=self.rows["clip_id"]).combine_chunks()
        file = f"{space.name}.parquet"
        with reading_index(folder, dataset, file):
            if found.null_count:
                raise DamagedError(folder / file, "it holds clips that rows.parquet lacks")
        rows = found.to_numpy(zero_copy_only=False).astype(np.int64)
        places = np.full(len(self), -1, np.int64)
        places[rows] = np.arange(len(rows))
        matrix = to_matrix(table["vector"], facts.dim)
        approximate = None
        if facts.probes is not None:
            centroids = to_matrix(read_cells(folder, dataset, space.name, facts.dim)["vector"], facts.dim)
            approximate = CellIndex(matrix, np.asarray(table["cell"]), centroids, facts.probes)
        exact = NumpyIndex(matrix) if approximate is None else approximate.exact
        return Vectors(rows, exact, approximate, places)

    def nearest(
        self,
        space: Space,
        vector: np.ndarray,
        count: int,
        where: np.ndarray | None = None,
        *,
        exactly: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the cosines and rows of the nearest clips of a space, best first.

        Args:
            space: The space.
            vector: Unit vector, float32 (dim,).
            count: How many at most.
            where: Which rows may be found, bool (rows,); all by default.
            exactly: Whether none may be overlooked, as a part of very many may be otherwise.

        Returns:
            float32 (n,) and int64 (n,).
        """
        vectors = self.vectors(space)
        if vector.shape != (self.facts.spaces[space.name].dim,):
            raise DatasetError(
                f"the {space.of} of {str(self.dataset.path)!r} has vectors of "
                f"{self.facts.spaces[space.name].dim}, and what is asked one of {vector.size}; expected "
                "those of one model: curate and publish again"
            )
        among = None if where is None else where[vectors.rows]
        by: VectorIndex = vectors.exact if exactly or vectors.approximate is None else vectors.approximate
        scores, places = by.search(vector[None], count, where=among)
        return scores[0], vectors.rows[places[0]]
