"""What finds the nearest of many vectors, exactly: rows first narrowed down, then compared, all by numpy."""

from __future__ import annotations

from typing import Protocol

import numpy as np

# Rows of which the greatest score is taken in one go: few enough that their scores need not be looked at one
# by one, many enough that the greatest ones are soon compared.
_BLOCK = 64
# From this share of all rows on, comparing all of them costs less than copying those that are wanted.
_MOST_COPIED = 0.25
# Scores of several queries that are held at once: 32 MiB.
_SCORES = 1 << 23


class VectorIndex(Protocol):
    """Finds the nearest rows to a vector: all of them, or most."""

    def search(
        self, queries: np.ndarray, count: int, *, where: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest rows of each query, best first.

        Args:
            queries: Unit vectors, float32 (queries, dim).
            count: How many of each at most.
            where: Which rows may be found, bool (rows,); all of them by default.

        Returns:
            Cosines float32 and rows int64, each (queries, n) with n = min(count, rows that may be found).
            Of equal ones the first comes first.
        """


class NumpyIndex:
    """Compares with every row that may be found.

    Args:
        vectors: Unit vectors, float32 (rows, dim).
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = np.ascontiguousarray(vectors, np.float32)

    def search(
        self, queries: np.ndarray, count: int, *, where: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest rows of each query; see `VectorIndex.search`."""
        rows = None if where is None else np.flatnonzero(where)
        found = len(self.vectors) if rows is None else len(rows)
        count = min(count, found)
        scores = np.zeros((len(queries), count), np.float32)
        places = np.zeros((len(queries), count), np.int64)
        if not count:
            return scores, places
        vectors = self.vectors
        if rows is not None and len(rows) < _MOST_COPIED * len(vectors):
            vectors = vectors[rows]
        together = max(1, _SCORES // len(vectors))
        for start in range(0, len(queries), together):
            # (queries, rows)
            cosines = np.asarray(queries[start : start + together], np.float32) @ vectors.T
            if rows is not None and len(vectors) != len(rows):
                cosines = cosines[:, rows]
            for number, row in enumerate(cosines, start):
                places[number] = greatest(row, count)
                scores[number] = row[places[number]]
        return scores, places if rows is None else rows[places]


def greatest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the greatest values, greatest first; of equal ones the first comes first.

    Args:
        values: Shape (n,).
        count: How many, n at most.
    """
    blocks = len(values) // _BLOCK
    if blocks < 2 * count:
        least = np.partition(values, len(values) - count)[len(values) - count]
    else:
        # As many blocks have a value as great as the count-th greatest of their maxima, so none of the
        # greatest values lies below it.
        maxima = values[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
        least = np.partition(maxima, blocks - count)[blocks - count]
    places = np.flatnonzero(values >= least)
    order = np.argsort(-values[places], kind="stable")[:count]
    chosen: np.ndarray = places[order]
    return chosen
