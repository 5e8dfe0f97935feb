"""Recordings whose embeddings lie next to each other, without comparing all with all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Up to this many rows are compared with each other; more are divided around landmarks among them.
BLOCK = 2048
# Each row belongs to this many of its nearest landmarks, so that neighbours at a border still meet.
NEAREST = 3


def nearest_pairs(
    embeddings: np.ndarray, *, at_least: float, count: int, owners: Sequence[object] | None = None
) -> list[tuple[int, int]]:
    """Return pairs of rows of which one is among the nearest of the other.

    Up to `BLOCK` rows it is exact. Above, nearly all are found, and the work grows with about the power 1.5
    of the number of rows.

    Args:
        embeddings: Shape (rows, dim), L2-normalised.
        at_least: Lowest cosine similarity.
        count: Nearest rows looked at for each row.
        owners: Owner of each row; rows of one owner make no pair.

    Returns:
        (smaller row, larger row), each pair once, in order.
    """
    embeddings = np.ascontiguousarray(embeddings, np.float32)
    names = {owner: number for number, owner in enumerate(dict.fromkeys(owners or ()))}
    labels = np.array([names[owner] for owner in owners] if owners else range(len(embeddings)), np.int64)
    best = _Best(len(embeddings), count)
    for rows in _blocks(embeddings, np.arange(len(embeddings))):
        near = embeddings[rows] @ embeddings[rows].T  # (rows, rows)
        near[labels[rows][:, None] == labels[rows][None, :]] = -np.inf
        best.offer(rows, near)
    rows, found = np.nonzero(best.similarity >= at_least)
    others = best.row[rows, found]
    pairs = np.unique(np.sort(np.stack([rows, others], axis=1), axis=1), axis=0)  # (pairs, 2)
    return [(int(a), int(b)) for a, b in pairs]


class _Best:
    """The nearest rows of each row so far."""

    def __init__(self, rows: int, count: int) -> None:
        self.similarity = np.full((rows, count), -np.inf, np.float32)
        self.row = np.full((rows, count), -1, np.int64)

    def offer(self, rows: np.ndarray, near: np.ndarray) -> None:
        """Take in what a block of rows says of its members, shape (rows, rows)."""
        count = min(self.row.shape[1], len(rows))
        top = np.argpartition(-near, count - 1, axis=1)[:, :count]
        similarity = np.hstack([self.similarity[rows], np.take_along_axis(near, top, axis=1)])
        row = np.hstack([self.row[rows], rows[top]])
        # A neighbour that another block offered already does not count twice.
        order = np.lexsort((-similarity, row), axis=1)
        row, similarity = np.take_along_axis(row, order, 1), np.take_along_axis(similarity, order, 1)
        similarity[:, 1:][row[:, 1:] == row[:, :-1]] = -np.inf
        order = np.argsort(-similarity, axis=1, kind="stable")[:, : self.row.shape[1]]
        self.similarity[rows] = np.take_along_axis(similarity, order, 1)
        self.row[rows] = np.take_along_axis(row, order, 1)


def _blocks(embeddings: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Return sets of rows that hold nearly every near pair, each of about `BLOCK` rows or fewer."""
    if len(rows) <= BLOCK:
        return [rows]
    landmarks = rows[:: max(2, round(len(rows) / (2 * np.sqrt(len(rows)))))]
    members: list[list[np.ndarray]] = [[] for _ in landmarks]
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        # (part, NEAREST): numbers of landmarks
        near = np.argpartition(-(embeddings[part] @ embeddings[landmarks].T), NEAREST, axis=1)[:, :NEAREST]
        order = np.argsort(near, axis=None, kind="stable")
        ends = np.cumsum(np.bincount(near.ravel(), minlength=len(landmarks)))
        for landmark, found in enumerate(np.split(part[order // NEAREST], ends[:-1])):
            members[landmark].append(found)
    blocks = []
    for parts in members:
        block = np.concatenate(parts)
        if len(block) > 2 * BLOCK:
            # Too many lie around one landmark: what is alike to that degree is cut in the order given.
            blocks += np.array_split(block, -(-len(block) // (2 * BLOCK)))
        else:
            blocks.append(block)
    return [block for block in blocks if len(block) > 1]
