"""Finds the nearest of very many vectors in the few cells that lie next to the query: some may be overlooked.

Vectors are parted into cells by spherical k-means and stored cell by cell, so that those of a cell are
compared in one product. How many cells are looked into is chosen where the index is made, by how many of the
ten nearest are then found; that share is stated with it.

Reference:
    Jégou et al., Product quantization for nearest neighbor search, TPAMI 2011, section IV (inverted file).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leitmotif.retrieval.vectors import NumpyIndex, greatest

# From here on a search of all takes longer than a person waits for: half a second on one core.
FROM_VECTORS = 500_000
# What recall is measured by: the ten nearest of rows of the index, without themselves.
RECALL, SAMPLE, NEAREST = 0.985, 256, 10
_ROUNDS, _PER_CELL = 10, 64
# Below this share of rows that may be found, these alone are compared, all of them.
_LEAST_SHARE = 0.125
_AT_ONCE = 1 << 14  # rows whose cells are looked for in one product


@dataclass(frozen=True)
class Cells:
    """How vectors are parted.

    Attributes:
        centroids: Unit vector of each cell, float32 (cells, dim).
        order: The vectors cell by cell, int64 (n,).
        cell: The cell of each in that order, int32 (n,).
    """

    centroids: np.ndarray
    order: np.ndarray
    cell: np.ndarray


def part(vectors: np.ndarray, rng: np.random.Generator) -> Cells:
    """Part vectors into about as many cells as a cell has vectors.

    Args:
        vectors: Unit vectors, float32 (n, dim), of which memory holds a second copy.
        rng: Draws the vectors that cells are learned from.
    """
    count = 1 << max(0, round(np.log2(len(vectors)) / 2))
    sample = vectors[rng.permutation(len(vectors))[: count * _PER_CELL]]
    centroids = sample[:count].copy()
    for _ in range(_ROUNDS):
        nearest = _nearest_cells(sample, centroids)
        order = np.argsort(nearest, kind="stable")
        filled, starts = np.unique(nearest[order], return_index=True)
        means = np.add.reduceat(sample[order], starts, axis=0)  # one direction a cell that has vectors
        # A cell without any begins anew at some vector.
        centroids = sample[rng.integers(len(sample), size=count)]
        centroids[filled] = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    cell = _nearest_cells(vectors, centroids)
    order = np.argsort(cell, kind="stable")
    return Cells(centroids, order, cell[order])


def _nearest_cells(vectors: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    pieces = range(0, len(vectors), _AT_ONCE)
    found = [(vectors[at : at + _AT_ONCE] @ centroids.T).argmax(axis=1) for at in pieces]
    return np.concatenate(found).astype(np.int32)


class CellIndex:
    """Looks into the cells next to a query.

    Args:
        vectors: Unit vectors, float32 (rows, dim), cell by cell.
        cell: The cell of each, int32 (rows,), rising.
        centroids: Of each cell, float32 (cells, dim).
        probes: How many cells are looked into.
    """

    def __init__(self, vectors: np.ndarray, cell: np.ndarray, centroids: np.ndarray, probes: int) -> None:
        self.exact = NumpyIndex(vectors)
        self.centroids = np.ascontiguousarray(centroids, np.float32)
        self.bounds = np.searchsorted(cell, np.arange(len(centroids) + 1))
        self.probes = probes

    def search(
        self, queries: np.ndarray, count: int, *, where: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest rows of each query that lie in the next cells; see `VectorIndex.search`."""
        share = 1.0 if where is None else float(where.mean())
        if share < _LEAST_SHARE:
            return self.exact.search(queries, count, where=where)
        count = min(count, round(share * len(self.exact.vectors)))
        scores = np.zeros((len(queries), count), np.float32)
        places = np.zeros((len(queries), count), np.int64)
        for number, query in enumerate(np.asarray(queries, np.float32)):
            scores[number], places[number] = self._search(query, count, where, round(self.probes / share))
        return scores, places

    def _search(
        self, query: np.ndarray, count: int, where: np.ndarray | None, probes: int
    ) -> tuple[np.ndarray, np.ndarray]:
        ranked = greatest(self.centroids @ query, len(self.centroids))
        while True:
            cells = np.sort(ranked[:probes])
            spans = list(zip(self.bounds[cells].tolist(), self.bounds[cells + 1].tolist(), strict=True))
            cosines = np.concatenate([self.exact.vectors[start:end] @ query for start, end in spans])
            rows = np.concatenate([np.arange(start, end) for start, end in spans])
            if where is not None:
                allowed = where[rows]
                cosines, rows = cosines[allowed], rows[allowed]
            if len(rows) >= count:
                best = greatest(cosines, count)
                return cosines[best], rows[best]
            probes *= 2


def measure_probes(vectors: np.ndarray, cells: Cells, rng: np.random.Generator) -> tuple[int, float]:
    """Return how many cells must be looked into, and which share of the nearest is found then.

    Args:
        vectors: Unit vectors cell by cell, float32 (n, dim).
        cells: How they are parted.
        rng: Draws the vectors that are asked for.
    """
    asked = rng.permutation(len(vectors))[:SAMPLE]
    queries = vectors[asked]
    count = min(NEAREST + 1, len(vectors))
    _, exact = NumpyIndex(vectors).search(queries, count)
    index = CellIndex(vectors, cells.cell, cells.centroids, 1)

    def recall_of(probes: int) -> float:
        index.probes = probes
        _, found = index.search(queries, count)
        return _recall(asked, exact, found)

    few, enough = 0, 1
    while (recall := recall_of(enough)) < RECALL and enough < len(cells.centroids):
        few, enough = enough, min(2 * enough, len(cells.centroids))
    while enough - few > max(1, enough // 16):
        between = (few + enough) // 2
        if (reached := recall_of(between)) >= RECALL:
            enough, recall = between, reached
        else:
            few = between
    return enough, recall


def _recall(asked: np.ndarray, exact: np.ndarray, found: np.ndarray) -> float:
    """Return which share of the nearest is found, without those that were asked for."""
    shares = []
    for row, near, some in zip(asked.tolist(), exact.tolist(), found.tolist(), strict=True):
        others = set(near) - {row}
        shares.append(len(others & set(some)) / max(1, len(others)))
    return float(np.mean(shares))
