"""The weights of the tempo octave, fitted."""

import numpy as np

from leitmotif.train_mini.octave import fit


def test_fitting_finds_the_feature_that_tells_the_true_candidate():
    rng = np.random.default_rng(0)
    known = []
    for _ in range(60):
        rows = rng.normal(size=(5, 3))
        known.append((rows, int(rows[:, 1].argmax())))
    weights = fit(known)
    assert weights[1] > 5 * max(abs(weights[0]), abs(weights[2]))
