"""Tags of the kept clips: how often, together with which, with what scores, and at what tempo."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse

from leitmotif.reports.statistics.histogram import Histogram, round_figures
from leitmotif.reports.statistics.value_counts import encode_texts, most_first
from leitmotif.taxonomy.labels import TAG_KINDS, Taxonomy

COLUMNS = (*TAG_KINDS, "tempo_bpm")
# Cosines or probabilities; the few below 0 count in the first bin.
SCORE_EDGES = np.linspace(0.0, 1.0, 41).round(9)
TOGETHER = 40


class Tags:
    """Counts over the tags of the kept rows.

    Args:
        taxonomy: The label set; tags that it does not know are counted all the same.
        tempo: An empty histogram over tempo, whose bins are used for each genre.
    """

    def __init__(self, taxonomy: Taxonomy, tempo: Histogram) -> None:
        self.tempo = tempo
        self.labels: list[tuple[str, str]] = []
        self._places: dict[tuple[str, str], int] = {}
        known = {"instruments": taxonomy.instruments, "genres": taxonomy.genres, "moods": taxonomy.moods}
        self.whole_list = {kind: [label.id for label in labels] for kind, labels in known.items()}
        for kind, ids in self.whole_list.items():
            for label in ids:
                self._place(kind, label)
        self.untagged = dict.fromkeys(TAG_KINDS, 0)
        self.rows: dict[str, int] = {}
        self.by_split: dict[str, np.ndarray] = {}
        self._together = scipy.sparse.csr_array((0, 0), dtype=np.int64)
        self._scores = np.zeros((0, len(SCORE_EDGES) - 1), np.int64)
        self._sums = np.zeros((0, 2))  # scores that are known, and their sum
        self._ends = np.zeros((0, 2))
        self._tempos: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, split: str, table: pa.Table) -> None:
        """Count the tags of a table of some rows of a split."""
        self.rows[split] = self.rows.get(split, 0) + table.num_rows
        rows, places, scores = [], [], []
        for kind in TAG_KINDS:
            if kind in table.column_names:
                row, place, score = self._flatten(kind, table.column(kind).combine_chunks())
                rows.append(row)
                places.append(place)
                scores.append(score)
                if kind == "genres" and "tempo_bpm" in table.column_names:
                    tempo = table.column("tempo_bpm").to_numpy().astype(np.float32)[row]
                    self._tempos.append((place[np.isfinite(tempo)], tempo[np.isfinite(tempo)]))
        if rows:
            self._count(split, np.concatenate(rows), np.concatenate(places), np.concatenate(scores))

    def counts(self, kind: str, split: str | None = None) -> dict[str, int]:
        """Return tag → clips, of a split or of the whole, most first and then by name."""
        labelled = zip(self.labels, self._totals(split).tolist(), strict=True)
        return most_first(Counter({tag: count for (own, tag), count in labelled if own == kind and count}))

    def _totals(self, split: str | None = None) -> np.ndarray:
        """Return the clips of each label, of a split or of the whole."""
        found = np.zeros(len(self.labels), np.int64)
        for name, counts in self.by_split.items():
            if split in (None, name):
                found[: len(counts)] += counts
        return found

    def _place(self, kind: str, tag: str) -> int:
        key = (kind, tag)
        if key not in self._places:
            self._places[key] = len(self.labels)
            self.labels.append(key)
        return self._places[key]

    def _flatten(self, kind: str, column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row, place and score of each tag of a column."""
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        self.untagged[kind] += int((lengths == 0).sum())
        flat = pc.list_flatten(column)
        encoded = encode_texts(pc.struct_field(flat, "tag"))
        score = pc.struct_field(flat, "score").to_numpy(zero_copy_only=False)
        lookup = np.array([self._place(kind, tag) for tag in encoded.dictionary.to_pylist()], np.int64)
        row = np.repeat(np.arange(len(column)), lengths)
        named = encoded.is_valid().to_numpy(zero_copy_only=False)
        indices = encoded.indices.drop_null().to_numpy()
        return row[named], lookup[indices] if len(lookup) else indices.astype(np.int64), score[named]

    def _count(self, split: str, rows: np.ndarray, places: np.ndarray, scores: np.ndarray) -> None:
        size, total = len(self.labels), int(rows.max(initial=-1)) + 1
        here = np.bincount(places, minlength=size)
        self.by_split[split] = here + _grown(self.by_split.get(split, np.zeros(0, np.int64)), size)
        carries = scipy.sparse.csr_array((np.ones(len(rows), np.int64), (rows, places)), shape=(total, size))
        self._together.resize((size, size))
        self._together = self._together + carries.T @ carries
        known = np.isfinite(scores)
        places, scores = places[known], scores[known].astype(np.float64)
        bins = np.clip(np.searchsorted(SCORE_EDGES, scores, side="right") - 1, 0, len(SCORE_EDGES) - 2)
        width = len(SCORE_EDGES) - 1
        self._scores = _grown(self._scores, size) + np.bincount(
            places * width + bins, minlength=size * width
        ).reshape(size, width)
        self._sums = _grown(self._sums, size)
        self._sums += np.stack(
            [np.bincount(places, minlength=size), np.bincount(places, scores, minlength=size)], axis=1
        )
        self._ends = _grown(self._ends, size, fill=(np.inf, -np.inf))
        np.minimum.at(self._ends[:, 0], places, scores)
        np.maximum.at(self._ends[:, 1], places, scores)

    def together(self) -> dict[str, Any]:
        """Return `cooccurrence` of stats.json."""
        totals = self._totals()
        most = sorted(range(len(self.labels)), key=lambda place: (-totals[place], self.labels[place]))
        most = [place for place in most[:TOGETHER] if totals[place]]
        order = {kind: number for number, kind in enumerate(TAG_KINDS)}
        most.sort(key=lambda place: (order[self.labels[place][0]], -totals[place], self.labels[place][1]))
        square = self._together.tocsr()[most][:, most].toarray() if most else np.zeros((0, 0), np.int64)
        return {
            "labels": [{"kind": self.labels[place][0], "tag": self.labels[place][1]} for place in most],
            "counts": square.tolist(),
        }

    def scores(self) -> dict[str, Any]:
        """Return `tag_scores` of stats.json."""
        kinds: dict[str, dict[str, Any]] = {kind: {} for kind in TAG_KINDS}
        for kind in TAG_KINDS:
            for tag in self.counts(kind):
                place = self._places[kind, tag]
                count, total = self._sums[place]
                if count:
                    kinds[kind][tag] = {
                        "count": int(count),
                        "min": round_figures(self._ends[place, 0]),
                        "max": round_figures(self._ends[place, 1]),
                        "mean": round_figures(total / count),
                        "counts": self._scores[place].tolist(),
                    }
        return {"edges": SCORE_EDGES.tolist(), "kinds": kinds}

    def tempos(self) -> dict[str, Any]:
        """Return `tempo_by_genre` of stats.json."""
        places = np.concatenate([place for place, _ in self._tempos] or [np.zeros(0, np.int64)])
        tempos = np.concatenate([tempo for _, tempo in self._tempos] or [np.zeros(0, np.float32)])
        found = {}
        for tag in self.counts("genres"):
            values = tempos[places == self._places["genres", tag]]
            if len(values):
                bins = Histogram(self.tempo.low, self.tempo.step, self.tempo.bins)
                bins.add(pa.array(values))
                found[tag] = {
                    "count": bins.count,
                    "mean": round_figures(bins.total / bins.count),
                    "quartiles": [round_figures(value) for value in np.quantile(values, (0.25, 0.5, 0.75))],
                    "counts": bins.counts.tolist(),
                }
        return {"edges": self.tempo.edges(), "genres": found}


def _grown(array: np.ndarray, size: int, *, fill: Any = 0) -> np.ndarray:
    """Return an array with rows for labels that came later."""
    more = np.empty((size - len(array), *array.shape[1:]), array.dtype)
    more[:] = fill
    return np.concatenate([array, more])
