"""Who the kept clips come from: artists, and what splits must not share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.reports.statistics.histogram import round_figures
from leitmotif.reports.statistics.value_counts import most_first
from leitmotif.shards.artists import artist_names, written_names

COLUMNS = ("artist", "source_id", "source_url", "recording_id")
MOST_ARTISTS = 100
EXAMPLES = 10


class Leakage:
    """Artists and sources of the kept rows, by split."""

    def __init__(self) -> None:
        self._columns: dict[str, list[pa.Array]] = {column: [] for column in COLUMNS}
        self._splits: list[np.ndarray] = []
        self._names: list[str] = []

    def add(self, split: str, table: pa.Table) -> None:
        """Take the origins of a table of some rows of a split."""
        if split not in self._names:
            self._names.append(split)
        self._splits.append(np.full(table.num_rows, self._names.index(split), np.int16))
        for column, chunks in self._columns.items():
            present = column in table.column_names
            chunks.append(
                table.column(column).combine_chunks() if present else pa.nulls(table.num_rows, pa.string())
            )

    def describe(self) -> dict[str, Any]:
        """Return `artists` and `leakage` of stats.json."""
        distinct, counts = self._by_split("artist")
        texts = distinct.to_pylist()
        named = [artist_names(text) for text in texts]
        names, by_name = _by_name(named, counts)
        recordings = self._by_split("recording_id")
        return {
            "artists": {
                "named": (known := int(sum(counts[row].sum() for row, found in enumerate(named) if found))),
                "unnamed": self.rows - known,
                **_describe_artists(names, by_name.sum(axis=1), _spellings(texts, counts.sum(axis=1))),
            },
            "leakage": {
                "artist": find_leaks(pa.array(names, pa.string()), by_name),
                "source": find_leaks(*self._by_split("source_id")),
                "url": find_leaks(*self._by_split("source_url")),
                "recording": find_leaks(*recordings) if len(recordings[0]) else None,
            },
        }

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return sum(map(len, self._splits))

    def _by_split(self, column: str) -> tuple[pa.Array, np.ndarray]:
        """Return the distinct texts of a column, and the rows of each in each split, (texts, splits)."""
        chunks = [chunk.cast(pa.string()) for chunk in self._columns[column]]
        encoded = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
        named = encoded.is_valid().to_numpy(zero_copy_only=False)
        splits = np.concatenate([np.zeros(0, np.int16), *self._splits])[named]
        size = len(encoded.dictionary), max(len(self._names), 1)
        places = encoded.indices.drop_null().to_numpy().astype(np.int64) * size[1] + splits
        return encoded.dictionary, np.bincount(places, minlength=size[0] * size[1]).reshape(size)


def find_leaks(names: pa.Array, counts: np.ndarray) -> dict[str, Any]:
    """Return which groups lie in more than one split: an entry of `leakage` in stats.json.

    Args:
        names: Texts that name the groups, shape (groups,).
        counts: Clips of each group in each split, shape (groups, splits).
    """
    torn = np.flatnonzero((counts > 0).sum(axis=1) > 1)
    return {
        "known": int(counts.sum()),
        "groups": len(names),
        "violations": len(torn),
        "clips": int(counts[torn].sum()),
        "examples": sorted(names.take(pa.array(torn)).to_pylist())[:EXAMPLES],
    }


def gini_coefficient(counts: np.ndarray) -> float | None:
    """Return how unequal counts (groups,) are: 0 for all equal, towards 1 where one has all; None of none."""
    if not counts.sum():
        return None
    ordered = np.sort(counts).astype(np.float64)
    size = len(ordered)
    weights = 2 * np.arange(1, size + 1) - size - 1
    return round_figures(float(weights @ ordered / (size * ordered.sum())))


def _by_name(named: Sequence[Sequence[str]], counts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the distinct names, and the clips of each in each split; a text may name several or none."""
    places: dict[str, int] = {}
    pairs = [(row, places.setdefault(name, len(places))) for row, names in enumerate(named) for name in names]
    found = np.zeros((len(places), counts.shape[1]), np.int64)
    if pairs:
        rows, columns = np.array(pairs).T
        np.add.at(found, columns, counts[rows])
    return list(places), found


def _describe_artists(
    names: Sequence[str], totals: np.ndarray, spellings: Mapping[str, str]
) -> dict[str, Any]:
    order = sorted(range(len(names)), key=lambda place: (-totals[place], names[place]))
    largest = totals[order]
    top = {spellings.get(names[place], names[place]): int(totals[place]) for place in order[:MOST_ARTISTS]}
    shares = {
        f"share_top_{most}": round_figures(largest[:most].sum() / largest.sum()) if len(names) else None
        for most in (1, 10, 100)
    }
    return {"distinct": len(names), "top": top, **shares, "gini": gini_coefficient(totals)}


def _spellings(texts: Sequence[str], totals: np.ndarray) -> dict[str, str]:
    """Return how each name is most often written."""
    found: dict[str, Counter[str]] = {}
    for text, count in zip(texts, totals.tolist(), strict=True):
        for name, written in written_names(text).items():
            found.setdefault(name, Counter())[written] += count
    return {name: next(iter(most_first(written, 1))) for name, written in found.items()}
