"""Controllability: how far generated music follows what it is asked for, with intervals over songs."""

from __future__ import annotations

import numpy as np

from leitmotif.evaluation.bootstrap import FEWEST_CLIPS, LEVEL, NO_INTERVAL, Estimate

REFERENCE = "Visuals Music Bridge, arXiv:2412.09428, sections 4.5 and B.5, tables 5 and 7"
_DRAWS = 2000


def clap_change(asked: np.ndarray, not_asked: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return how much nearer music lies to an attribute when it is asked for, in hundredths of a cosine.

    Args:
        asked: CLAP embeddings of music that was asked to have the attribute, unit vectors (..., dim).
        not_asked: Those of the same music, made with the same seeds, without it.
        direction: CLAP embedding of the words for the attribute, unit vector (dim,).

    Returns:
        Shape (...): positive where asking helps.
    """
    changes: np.ndarray = 100.0 * (np.asarray(asked, np.float64) - not_asked) @ direction
    return changes


def mean_over_songs(values: np.ndarray, seed: int = 0) -> Estimate | None:
    """Return the mean with its 95 % interval, by drawing songs with all of their variations.

    Variations of one song resemble each other: to draw them one by one would tell too narrow an interval.

    Args:
        values: Shape (songs, variations); NaN where nothing could be measured.
        seed: Seed of the draws.

    Returns:
        The mean of the songs' means; None where nothing could be measured.
    """
    counts = (~np.isnan(values)).sum(axis=1)
    means = np.nansum(values[counts > 0], axis=1) / counts[counts > 0]
    if not len(means):
        return None
    if len(means) < FEWEST_CLIPS:
        return Estimate(float(means.mean()), None, None, len(means), NO_INTERVAL)
    drawn = means[np.random.default_rng(seed).integers(len(means), size=(_DRAWS, len(means)))].mean(axis=1)
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate(float(means.mean()), float(low), float(high), len(means))
