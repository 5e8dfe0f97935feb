"""Tempo of the kept clips: its density, and how it goes with visual motion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.reports.statistics.histogram import Histogram, round_figures

COLUMNS = ("tempo_bpm", "motion")
# Of fewer clips no correlation is stated: of ten that have nothing to do with each other, one in twenty
# samples still shows 0.63 or more (critical value of Pearson's r, two-sided 5 %, 8 degrees of freedom).
LEAST_CORRELATED = 10
POINTS = 256
# The density is given this many bandwidths beyond the ends.
_BEYOND = 3.0
# Cells on which values are laid before they are smoothed; many to a bandwidth, so that nothing is blurred.
_CELLS = 4096


class Tempo:
    """Tempo and motion of the kept rows.

    Args:
        tempo: An empty histogram over tempo.
        motion: An empty histogram over motion.
    """

    def __init__(self, tempo: Histogram, motion: Histogram) -> None:
        self.edges = {"tempo_bpm": tempo.edges(), "motion": motion.edges()}
        self._values: dict[str, list[np.ndarray]] = {column: [] for column in COLUMNS}

    def add(self, table: pa.Table) -> None:
        """Take the numbers of a table."""
        for column in COLUMNS:
            found = np.full(table.num_rows, np.nan, np.float32)
            if column in table.column_names:
                found = table.column(column).to_numpy().astype(np.float32)
            self._values[column].append(found)

    def density(self) -> dict[str, Any]:
        """Return `tempo_density` of stats.json."""
        values = self._joined("tempo_bpm")
        values = values[np.isfinite(values)].astype(np.float64)
        found: dict[str, Any] = {"count": len(values), "bandwidth_bpm": None, "bpm": [], "density": []}
        if len(values) > 1 and values.min() < values.max():
            width = float(values.std(ddof=1) * len(values) ** -0.2)
            bpm = np.linspace(values.min() - _BEYOND * width, values.max() + _BEYOND * width, POINTS)
            found["bandwidth_bpm"] = round_figures(width)
            found["bpm"] = [round_figures(value) for value in bpm]
            found["density"] = [round_figures(value) for value in gaussian_density(values, bpm, width)]
        return found

    def against_motion(self) -> dict[str, Any]:
        """Return `motion_tempo` of stats.json."""
        tempo, motion = (self._joined(column) for column in COLUMNS)
        both = np.isfinite(tempo) & np.isfinite(motion)
        tempo, motion = tempo[both].astype(np.float64), motion[both].astype(np.float64)
        edges = self.edges["motion"], self.edges["tempo_bpm"]
        inside = [
            np.clip(values, ends[0], np.nextafter(ends[-1], -np.inf))
            for values, ends in zip((motion, tempo), edges, strict=True)
        ]
        counts, _, _ = np.histogram2d(inside[0], inside[1], bins=[np.array(ends) for ends in edges])
        return {
            "count": len(tempo),
            "tempo_edges": edges[1],
            "motion_edges": edges[0],
            "counts": counts.astype(int).tolist(),
            "pearson": _correlate(tempo, motion),
            "spearman": _correlate(_ranks(tempo), _ranks(motion)),
        }

    def _joined(self, column: str) -> np.ndarray:
        return np.concatenate(self._values[column] or [np.zeros(0, np.float32)])


def gaussian_density(values: np.ndarray, places: np.ndarray, width: float) -> np.ndarray:
    """Return the Gaussian kernel density of values at some places.

    Args:
        values: Shape (n,).
        places: Ascending, beyond the ends of the values, shape (m,).
        width: Standard deviation of the kernel.

    Returns:
        Density per unit of the values, shape (m,).
    """
    step = (places[-1] - places[0]) / _CELLS
    cells = (values - places[0]) / step
    left = np.floor(cells).astype(np.int64)
    share = cells - left
    weights = np.bincount(left, 1 - share, minlength=_CELLS + 2) + np.bincount(left + 1, share, _CELLS + 2)
    used = np.flatnonzero(weights)
    apart = (places[:, None] - (places[0] + step * used)) / width  # (m, used cells)
    kernel = np.exp(-0.5 * np.square(apart)) / np.sqrt(2 * np.pi)
    return kernel @ weights[used] / (len(values) * width)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _correlate(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < LEAST_CORRELATED or x.min() == x.max() or y.min() == y.max():
        return None
    return round_figures(float(np.corrcoef(x, y)[0, 1]))
