"""Metrics of a known ranking."""

import numpy as np
import pytest

from leitmotif.train_mini.ranking_metrics import area_under_roc, average_precision, best_threshold


def test_scores_of_a_known_ranking():
    truth = np.array([1, 0, 1, 0])
    assert average_precision(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx((1 + 2 / 3) / 2)
    assert area_under_roc(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx(0.75)
    assert area_under_roc(truth, np.ones(4)) == pytest.approx(0.5)
    threshold, f1, precision, recall = best_threshold(
        np.array([[1, 0], [1, 0]]), np.array([[0.9, 0.1], [0.8, 0.2]])
    )
    assert (threshold, f1, precision, recall) == pytest.approx((0.8, 1.0, 1.0, 1.0))
