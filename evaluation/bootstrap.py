"""Intervals by the bootstrap: what a metric would have been on other clips of the same kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.metric import Metric

LEVEL = 0.95
# Draws that are held at once, times clips: 64 MiB.
_HELD = 8 << 20


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: Over all clips.
        low: Where the interval begins, the 2.5th percentile of the draws.
        high: Where it ends, the 97.5th percentile.
        clips: How many clips the value is over.
    """

    value: float
    low: float
    high: float
    clips: int


def estimate(metric: Metric, statistics: np.ndarray, *, resamples: int, seed: int) -> Estimate | None:
    """Return a metric with its 95 % interval; None where no clip could be measured.

    Args:
        metric: Makes a value of summed statistics.
        statistics: Of `metric.measure`, shape (clips, statistics); rows of NaN are left out.
        resamples: How many times as many clips are drawn with replacement.
        seed: Of the draws; systems with one seed are judged on the same draws.

    Reference:
        Efron and Tibshirani, An introduction to the bootstrap, 1993, section 13.3 (percentile intervals).
    """
    known = ~np.isnan(statistics).any(axis=1)
    count = int(known.sum())
    if count == 0:
        return None
    drawn = _values(metric, statistics, known, resamples, seed)
    low, high = np.nanpercentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate(metric.value(statistics[known].sum(axis=0), count), float(low), float(high), count)


def estimate_difference(
    metric: Metric, statistics: np.ndarray, others: np.ndarray, *, resamples: int, seed: int
) -> Estimate | None:
    """Return how much higher one system is than another, clip by clip on the same draws; None without a clip.

    Args:
        metric: Makes a value of summed statistics.
        statistics: Of one system, shape (clips, statistics).
        others: Of the other, on the same clips.
        resamples: How many draws.
        seed: Of the draws.
    """
    known = ~(np.isnan(statistics).any(axis=1) | np.isnan(others).any(axis=1))
    count = int(known.sum())
    if count == 0:
        return None
    drawn = [_values(metric, rows, known, resamples, seed) for rows in (statistics, others)]
    low, high = np.nanpercentile(drawn[0] - drawn[1], [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    value = metric.value(statistics[known].sum(axis=0), count) - metric.value(
        others[known].sum(axis=0), count
    )
    return Estimate(value, float(low), float(high), count)


def _values(
    metric: Metric, statistics: np.ndarray, known: np.ndarray, resamples: int, seed: int
) -> np.ndarray:
    """Return the metric of each draw, shape (resamples,); NaN for one without a known clip."""
    values = []
    for times in _draws(len(statistics), resamples, seed):
        times = times[:, known].astype(np.float64)  # (draws, known clips)
        sums, counts = times @ statistics[known], times.sum(axis=1)
        values += [
            metric.value(row, float(number)) if number else np.nan
            for row, number in zip(sums, counts, strict=True)
        ]
    return np.array(values)


def _draws(clips: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each clip is drawn, in blocks of shape (draws, clips)."""
    rng = np.random.default_rng(seed)
    while resamples > 0:
        block = min(resamples, max(_HELD // clips, 1))
        yield rng.multinomial(clips, np.full(clips, 1.0 / clips), size=block)
        resamples -= block
