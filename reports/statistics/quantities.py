"""The measured quantities of a clip: their units, the rules that decide on them, their histograms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from leitmotif.reports.source import Source
from leitmotif.reports.statistics.histogram import Histogram, readable_histogram, score_histogram
from leitmotif.reports.statistics.rejections import rejected_values

# Quantity → its unit, and the rules whose measured value is the same quantity.
QUANTITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "duration_s": ("s", ("too-short", "too-long", "duration")),
    "motion": ("share of full scale", ("motion",)),
    "tempo_bpm": ("BPM", ("tempo",)),
    "vocal_score": ("0..1", ("vocal", "vocals")),
    "pam_score": ("0..1", ("pam", "quality")),
}
_SCORES = ("vocal_score", "pam_score")


def empty_histogram(
    source: Source, column: str, rejected: pa.Table, thresholds: Mapping[str, float]
) -> Histogram:
    """Return a histogram that covers a column's values and, within reason, the rejected ones and thresholds.

    Args:
        source: The dataset or workspace.
        column: One of `QUANTITIES`.
        rejected: The rejected clips.
        thresholds: Rule → threshold.
    """
    if column in _SCORES:
        return score_histogram()
    _, rules = QUANTITIES[column]
    beside = rejected_values(rejected, rules) + [thresholds[rule] for rule in rules if rule in thresholds]
    low, high = source.value_range(column) or (min(beside, default=0.0), max(beside, default=1.0))
    # One absurd reject (a ten-hour recording) must not squeeze what was kept into one bar.
    room = 2 * (high - low) if high > low else max(abs(high), 1.0)
    widened = [value for value in beside if low - room <= value <= high + room]
    return readable_histogram(min([low, *widened]), max([high, *widened]))


def describe_histogram(
    histogram: Histogram,
    unit: str,
    rules: tuple[str, ...],
    thresholds: Mapping[str, float],
    rejected: pa.Table,
) -> dict[str, Any]:
    """Return a histogram of the kept rows, with that of the rows which its rules rejected beside it."""
    beside = Histogram(histogram.low, histogram.step, histogram.bins)
    if values := rejected_values(rejected, rules):
        beside.add(pa.array(values, pa.float64()))
    return {
        **histogram.describe(unit),
        "thresholds": {rule: thresholds[rule] for rule in rules if rule in thresholds},
        "rejected_counts": beside.counts.tolist() if values else [],
    }
