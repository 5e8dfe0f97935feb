"""A figure of `make bench`: the median of several runs, each a ratio of two sides that ran in turn."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def figure(name: str, runs: Sequence[float], *, unit: str, against: str, target: str) -> dict[str, Any]:
    """Return a figure as `bench/results.json` holds it.

    Args:
        name: `GROUP/RIVAL`, or `GROUP-WHAT/RIVAL`.
        runs: The ratio of each run; the figure is their median.
        unit: What the ratio is: "x speed", "x cost".
        against: The other side in words, on what, and how it was measured.
        target: What is aimed at, such as ">= 0.7".
    """
    return {
        "name": name,
        "value": round(statistics.median(runs), 4),
        "unit": unit,
        "against": against,
        "target": target,
        "runs": [round(run, 4) for run in runs],
    }


def wall_seconds(run: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def cpu_seconds(run: Callable[[], object]) -> float:
    """Return the seconds of CPU of this process and of the children that end meanwhile."""
    before = os.times()
    run()
    return sum(os.times()[:4]) - sum(before[:4])


def ratios(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    pairs: int,
    *,
    seconds: Callable[[Callable[[], object]], float] = wall_seconds,
) -> list[float]:
    """Return seconds of theirs over those of ours, pair by pair, each first in turn.

    Args:
        ours: One side.
        theirs: The other.
        pairs: How many.
        seconds: Measures a call.
    """
    found = []
    for number in range(pairs):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        spent = {side: seconds(side) for side in order}
        found.append(spent[theirs] / spent[ours])
    return found
