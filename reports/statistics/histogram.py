"""Histograms that are filled batch by batch, over edges that read well."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

BINS = 40
QUANTILES = (5, 25, 50, 75, 95)


@dataclass
class Histogram:
    """A histogram over equal bins, with what was measured exactly beside it.

    Attributes:
        low: Left edge of the first bin.
        step: Width of a bin.
        bins: How many; values beyond the ends count in the first and the last.
        counts: Values in each bin.
        count: Finite values.
        missing: Null and not-a-number.
        total: Sum of the values.
        least: Least value.
        greatest: Greatest value.
        values: All of them, as float32: quantiles have no shorter summary.
    """

    low: float
    step: float
    bins: int
    counts: np.ndarray = field(init=False)
    count: int = 0
    missing: int = 0
    total: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf
    values: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.bins, dtype=np.int64)

    def add(self, column: pa.ChunkedArray | pa.Array) -> None:
        """Count a column's values, shape (rows,); null and not-a-number count as missing."""
        values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
        finite = values[np.isfinite(values)]
        self.missing += len(values) - len(finite)
        if not len(finite):
            return
        self.counts += np.bincount(self._bins_of(finite), minlength=self.bins)
        self.count += len(finite)
        self.total += float(finite.sum())
        self.values.append(finite.astype(np.float32))
        self.least = min(self.least, float(finite.min()))
        self.greatest = max(self.greatest, float(finite.max()))

    def _bins_of(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each value; an edge belongs to the bin that it begins."""
        places = np.clip(np.floor((values - self.low) / self.step), 0, self.bins - 1).astype(np.int64)
        # Division may miss an edge by a hair.
        edges = np.array(self.edges())
        places += (values >= edges[places + 1]) & (places < self.bins - 1)
        return places - ((values < edges[places]) & (places > 0))

    def describe(self, unit: str) -> dict[str, Any]:
        """Return the histogram as plain numbers: one of the histograms of stats.json, without thresholds."""
        some = self.count > 0
        return {
            "unit": unit,
            "edges": self.edges(),
            "counts": self.counts.tolist(),
            "count": self.count,
            "missing": self.missing,
            "min": round_figures(self.least) if some else None,
            "max": round_figures(self.greatest) if some else None,
            "mean": round_figures(self.total / self.count) if some else None,
            "quantiles": self._quantiles() if some else None,
            "thresholds": {},
            "rejected_counts": [],
        }

    def edges(self) -> list[float]:
        """Return the edges of the bins, one more than there are bins."""
        return [round(float(self.low + self.step * bin), 9) for bin in range(self.bins + 1)]

    def _quantiles(self) -> dict[str, float | None]:
        found = np.quantile(np.concatenate(self.values), [percent / 100 for percent in QUANTILES])
        return {f"p{percent}": round_figures(value) for percent, value in zip(QUANTILES, found, strict=True)}


def readable_histogram(low: float, high: float, *, whole: bool = False, bins: int = BINS) -> Histogram:
    """Return an empty histogram that covers `low` to `high` with a step of 1, 2 or 5 times a power of ten.

    Args:
        low: Least value.
        high: Greatest value, at least `low`.
        whole: The values are whole numbers: no step under 1.
        bins: At most this many and a few more.
    """
    span = max(high - low, 1e-6 * max(abs(low), abs(high)), 1e-9)
    rough = span / bins
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    if high == low:
        step = 1.0 if whole or high == 0 else 10.0 ** math.floor(math.log10(abs(high))) / 10
    if whole:
        step = max(step, 1.0)
    start = math.floor(low / step) * step
    return Histogram(start, step, max(1, math.floor((high - start) / step + 1e-9) + 1))


def score_histogram() -> Histogram:
    """Return an empty histogram of a score in 0..1."""
    return Histogram(0.0, 1 / BINS, BINS)


def round_figures(value: float) -> float | None:
    """Return a number with six significant figures; None for what is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
