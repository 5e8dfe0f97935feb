"""The two tracks: broad, near to what is given; targeted, within the clips that have an attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leitmotif.retrieval.attributes import Attribute
from leitmotif.retrieval.index import Index
from leitmotif.retrieval.query import Ask
from leitmotif.retrieval.spaces import CLAP

# Cormack et al., Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.
_RANK_0 = 60
# Of each ask, what is ranked for every hit that is wanted of several.
_DEPTH = 10


@dataclass(frozen=True)
class Hit:
    """A clip that was found.

    Attributes:
        clip_id: The clip.
        score: What it is ranked by: the cosine; where several things are given the fused rank, 1 if it is the
            nearest to all of them.
        cosines: Cosine by what was compared, such as {"the sound by clap": 0.83}.
        reasons: Why it was found, in words.
        place: Its place among the rows of the dataset that was indexed.
        row: What is known of it (`leitmotif.retrieval.folder.COLUMNS`), and its split.
    """

    clip_id: str
    score: float
    cosines: Mapping[str, float]
    reasons: tuple[str, ...]
    place: int
    row: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """Return all of it for programs that read JSON."""
        beside = {name: value for name, value in self.row.items() if name != "clip_id"}
        found = {"score": self.score, "cosines": dict(self.cosines), "reasons": list(self.reasons)}
        return {"clip_id": self.clip_id, **found, **beside}


def broad(index: Index, asks: Sequence[Ask], count: int, where: np.ndarray) -> list[Hit]:
    """Return the clips that are nearest to what is given.

    Where several things are given, their ranks are fused: cosines of different spaces do not compare. A clip
    that a space lacks is ranked by the others.

    Args:
        index: The index.
        asks: What is given.
        count: How many at most.
        where: Which rows may be found, bool (rows,).

    Reference:
        Wang et al., Multimodal music generation with explicit bridges and retrieval augmentation,
        arXiv:2412.09428, equations 2 and 3.
    """
    depth = count if len(asks) == 1 else _DEPTH * count
    found = [index.nearest(ask.space, ask.vector, depth, where, exactly=not ask.is_media) for ask in asks]
    if len(asks) == 1:
        ranked = list(zip(found[0][1].tolist(), found[0][0].tolist(), strict=True))
    else:
        ranked = _fuse(index, asks, found)[:count]
    return [_broad_hit(index, asks, row, score) for row, score in ranked]


def _fuse(
    index: Index, asks: Sequence[Ask], found: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[tuple[int, float]]:
    """Return (row, score) of all that was found, best first."""
    gains: dict[int, float] = {}
    for _, rows in found:
        for rank, row in enumerate(rows.tolist(), start=1):
            gains[row] = gains.get(row, 0.0) + (_RANK_0 + 1) / (_RANK_0 + rank)
    scores = {
        row: gain / sum(index.vectors(ask.space).place(row) is not None for ask in asks)
        for row, gain in gains.items()
    }
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def _broad_hit(index: Index, asks: Sequence[Ask], row: int, score: float) -> Hit:
    cosines, reasons = {}, []
    for ask in asks:
        vectors = index.vectors(ask.space)
        if (place := vectors.place(row)) is not None:
            cosine = float(vectors.exact.vectors[place] @ ask.vector)
            cosines[f"{ask.given} by {ask.space.name}"] = cosine
            reasons.append(f"{ask.like} like {ask.given} ({ask.space.name} {cosine:.2f})")
    return _hit(index, row, score, cosines, reasons)


def targeted(
    index: Index, attributes: Sequence[Attribute], direction: np.ndarray, count: int, where: np.ndarray
) -> list[Hit]:
    """Return the clips that have all attributes, those first whose sound is nearest to the words for them.

    Args:
        index: The index.
        attributes: What clips are to have.
        direction: Of `embed_attributes`, float32 (dim,).
        count: How many at most.
        where: Which rows have it and may be found, bool (rows,).

    Reference:
        Wang et al., equation 4.
    """
    words = " ".join(attribute.value for attribute in attributes)
    scores, rows = index.nearest(CLAP, direction, count, where)
    hits = []
    for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
        known = index.row(row)
        reasons = [attribute.reason(known) for attribute in attributes]
        reasons.append(f"sounds like {words!r} (clap {score:.2f})")
        hits.append(_hit(index, row, score, {f"{words!r} by clap": score}, reasons))
    return hits


def _hit(index: Index, row: int, score: float, cosines: Mapping[str, float], reasons: Sequence[str]) -> Hit:
    known = index.row(row)
    return Hit(known["clip_id"], score, cosines, tuple(reasons), row, known)
