"""Features of rendered clips."""

import numpy as np

from leitmotif.train_mini import corpus
from leitmotif.train_mini.corpus import FLOOR_DB, FRAMES, MELS, log_mel


def test_features_have_the_shape_that_the_network_reads():
    features = log_mel(np.zeros(corpus.RATE_HZ * corpus.WINDOW_S, np.float32))
    assert features.shape == (FRAMES, MELS)
    assert float(features.max()) == FLOOR_DB
