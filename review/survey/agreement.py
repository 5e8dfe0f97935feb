"""How far raters agree: Krippendorff's alpha for ordinal ratings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def krippendorff_alpha(units: Iterable[Sequence[int]], levels: int) -> float | None:
    """Return Krippendorff's alpha with the ordinal difference: 1 perfect agreement, 0 what chance gives.

    Args:
        units: The ratings that each thing rated got, 1 to `levels`, whoever gave them; units may have
            different numbers of ratings, and one with fewer than two says nothing.
        levels: Steps of the scale.

    Returns:
        Alpha, at most 1; None where nothing was rated twice or all ratings are the same.

    Reference:
        Krippendorff, Computing Krippendorff's alpha-reliability, 2011.
    """
    coincidences = np.zeros((levels, levels))
    for ratings in units:
        if len(ratings) > 1:
            counts = np.bincount(np.asarray(ratings) - 1, minlength=levels).astype(float)
            coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(ratings) - 1)
    totals = coincidences.sum(axis=1)
    pairable = totals.sum()
    # Two levels differ by the ratings that lie between them, half of those at either end included.
    upto = np.cumsum(totals) - totals / 2
    squared = np.subtract.outer(upto, upto) ** 2
    expected = (np.outer(totals, totals) * squared).sum()
    if expected == 0:
        return None
    return float(1 - (pairable - 1) * (coincidences * squared).sum() / expected)
