"""Intervals by the bootstrap: what a metric would have been on other clips of the same kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leitmotif.evaluation.metric import Metric

LEVEL = 0.95
# Every draw of one clip is that clip: the width of an interval would be zero, as if the value were certain.
FEWEST_CLIPS = 2
NO_INTERVAL = "one clip alone says nothing of how much clips differ"
# Draws that are made at once, times clips: 64 MiB.
_AT_ONCE = 8 << 20


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: Metric over all clips.
        low: Where the interval begins, the 2.5th percentile of the draws; None where there is no interval.
        high: Where it ends, the 97.5th percentile.
        clips: How many clips the value is over.
        no_interval: Why there is none.
    """

    value: float
    low: float | None
    high: float | None
    clips: int
    no_interval: str | None = None


class Draws:
    """Sets of clips drawn with replacement, each as large as the whole; the same for all that is judged.

    Args:
        clips: How many clips there are.
        resamples: How many sets are drawn.
        seed: Draws the sets.
    """

    def __init__(self, clips: int, resamples: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        shares = np.full(clips, 1.0 / clips)
        # How often each clip is drawn: about once, and hardly ever ten times.
        self._times = np.empty((resamples, clips), np.uint8)
        step = max(_AT_ONCE // clips, 1)
        for start in range(0, resamples, step):
            block = self._times[start : start + step]
            block[:] = np.minimum(rng.multinomial(clips, shares, size=len(block)), 255)

    def values(self, metric: Metric, statistics: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the metric of each set, shape (resamples,); NaN for one without a known clip.

        Args:
            metric: Makes a value of summed statistics.
            statistics: Shape (clips, statistics).
            known: Whether each clip counts, shape (clips,).
        """
        values = []
        step = max(_AT_ONCE // len(known), 1)
        for start in range(0, len(self._times), step):
            times = self._times[start : start + step, known].astype(np.float64)  # (sets, known clips)
            sums, counts = times @ statistics[known], times.sum(axis=1)
            values += [
                metric.value(row, float(number)) if number else np.nan
                for row, number in zip(sums, counts, strict=True)
            ]
        return np.array(values)


def estimate(metric: Metric, statistics: np.ndarray, draws: Draws) -> Estimate | None:
    """Return a metric with its 95 % interval; None where no clip could be measured.

    Args:
        metric: Makes a value of summed statistics.
        statistics: What `metric.measure` gave, shape (clips, statistics); rows of NaN are left out.
        draws: Sets of these clips.

    Reference:
        Efron and Tibshirani, An introduction to the bootstrap, 1993, section 13.3 (percentile intervals).
    """
    known = ~np.isnan(statistics).any(axis=1)
    if not known.any():
        return None
    count = int(known.sum())
    value = metric.value(statistics[known].sum(axis=0), count)
    return _estimate(value, draws.values(metric, statistics, known), count)


def estimate_difference(
    metric: Metric, statistics: np.ndarray, others: np.ndarray, draws: Draws
) -> Estimate | None:
    """Return how much higher one writer is than another, on the clips known of both; None without any.

    Args:
        metric: Makes a value of summed statistics.
        statistics: Statistics of one writer, shape (clips, statistics).
        others: Those of the other on the same clips, shape (clips, statistics).
        draws: Sets of these clips.
    """
    known = ~(np.isnan(statistics).any(axis=1) | np.isnan(others).any(axis=1))
    if not known.any():
        return None
    count = int(known.sum())
    value = metric.value(statistics[known].sum(axis=0), count) - metric.value(
        others[known].sum(axis=0), count
    )
    drawn = draws.values(metric, statistics, known) - draws.values(metric, others, known)
    return _estimate(value, drawn, count)


def _estimate(value: float, drawn: np.ndarray, clips: int) -> Estimate:
    if clips < FEWEST_CLIPS:
        return Estimate(value, None, None, clips, NO_INTERVAL)
    low, high = np.nanpercentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate(value, float(low), float(high), clips)
