"""Ranking figures: average precision, area under the ROC curve, the best threshold."""

from __future__ import annotations

import numpy as np


def average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the mean precision at the rank of every true row; ties count against the score.

    Args:
        truth: Shape (n,), 0 or 1, at least one 1.
        scores: Shape (n,), higher is more likely.
    """
    order = np.lexsort((truth, -scores))
    hits = truth[order] > 0
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def area_under_roc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the chance that a true row scores higher than a false one, ties counting half.

    Args:
        truth: Shape (n,), 0 or 1, at least one of each.
        scores: Shape (n,), higher is more likely.
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    true = truth > 0
    positives, negatives = int(true.sum()), int((~true).sum())
    return float((ranks[true].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def best_threshold(truth: np.ndarray, scores: np.ndarray) -> tuple[float, float, float, float]:
    """Return the threshold with the highest F1 over all cells, and its F1, precision and recall.

    Args:
        truth: Shape (n, labels), 0 or 1.
        scores: Shape (n, labels).
    """
    flat, hits = scores.ravel(), truth.ravel() > 0
    order = np.argsort(-flat, kind="stable")
    found = np.cumsum(hits[order])
    precision = found / np.arange(1, len(flat) + 1)
    recall = found / max(1, hits.sum())
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1.argmax())
    return float(flat[order][best]), float(f1[best]), float(precision[best]), float(recall[best])
