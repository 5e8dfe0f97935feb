"""An index, opened: what is known of clips, and who is near to whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.retrieval.folder import Facts, read_facts, read_rows, read_vectors, reading_index
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
        rows: The row of each among all clips, int64 (n,), rising.
        exact: Compares with all of them.
    """

    rows: np.ndarray
    exact: NumpyIndex

    def place(self, row: int) -> int | None:
        """Return where a row stands among them; None where it has no vector."""
        at = int(np.searchsorted(self.rows, row))
        return at if at < len(self.rows) and self.rows[at] == row else None


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
        self._near: dict[str, VectorIndex] = {}

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
            dim = self.facts.spaces[space.name].dim
            table = read_vectors(self.path, self.dataset.path, space.name, dim)
            rows = pc.index_in(table["clip_id"], value_set=self.rows["clip_id"]).combine_chunks()
            with reading_index(self.path, self.dataset.path, f"{space.name}.parquet"):
                if rows.null_count:
                    raise DamagedError(
                        self.path / f"{space.name}.parquet", "it holds clips that rows.parquet lacks"
                    )
            flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            self._vectors[space.name] = Vectors(
                rows.to_numpy(zero_copy_only=False).astype(np.int64), NumpyIndex(flat.reshape(-1, dim))
            )
        return self._vectors[space.name]

    def nearest(
        self, space: Space, vector: np.ndarray, count: int, where: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the cosines and rows of the nearest clips of a space, best first.

        Args:
            space: The space.
            vector: Unit vector, float32 (dim,).
            count: How many at most.
            where: Which rows may be found, bool (rows,); all by default.

        Returns:
            float32 (n,) and int64 (n,).
        """
        vectors = self.vectors(space)
        among = None if where is None else where[vectors.rows]
        scores, places = vectors.exact.search(vector[None], count, where=among)
        return scores[0], vectors.rows[places[0]]
