"""Batches of clips and of new mixes of their parts."""

from dataclasses import replace

import numpy as np
import torch

from leitmotif.train_mini.batches import Batches
from leitmotif.train_mini.corpus import FLOOR_DB, FRAMES, MELS
from leitmotif.train_mini.targets import make_targets
from tests.train_mini.known_clips import (
    FIVE,
    PLACES,
    ROCK,
    SONG,
    VOCABULARY,
    batches_of,
    column,
    part,
    tone,
)


def test_a_new_mix_has_the_labels_of_what_is_heard_in_it_and_no_genre():
    batch = batches_of(FIVE, mixed_share=1.0).draw(200)
    power = torch.pow(10.0, batch.features / 10).mean(1)  # (200, bands)
    share_db = 10 * torch.log10(power / power.sum(1, keepdim=True))
    assert (batch.rows == -1).all()
    bands = {name: 2 + band for band, name in enumerate(FIVE)}
    for name, band in bands.items():
        labels, weights = (
            t[:, column("instrument", name)] for t in (batch.targets.labels, batch.targets.labels_weight)
        )
        loud, soft = share_db[:, band] > -14.9, share_db[:, band] < -25.1
        assert labels[loud].all() and weights[loud].all()
        assert not labels[soft].any() and weights[soft].all()
        assert not weights[~loud & ~soft & (share_db[:, band] > -24.9) & (share_db[:, band] < -15.1)].any()
        assert 30 < loud.sum() < 170
    sings = share_db[:, 1] > -14.9
    assert batch.targets.voice[sings].all()
    assert not batch.targets.voice[share_db[:, 1] < -25.1].any()
    assert not batch.targets.labels_weight[:, column("genre", "rock")].any()
    assert not batch.targets.described.any()


def test_a_batch_holds_clips_as_rendered_and_new_mixes():
    batch = batches_of(FIVE).draw(20)
    assert (batch.rows == 0).sum() == 9  # the only view that is no part and no voice
    assert (batch.rows == -1).sum() == 11
    assert batch.features.shape == (20, FRAMES, MELS)
    assert batch.targets.labels[0, column("genre", "rock")] == 1


def test_a_part_that_does_not_sound_is_never_mixed():
    truths = [ROCK, *(part(name) for name in FIVE), replace(SONG, view="voice", instruments=())]
    features = np.stack([tone(3, -20.0) for _ in truths])
    features[1] = FLOOR_DB  # the piano
    targets = make_targets(truths, VOCABULARY, PLACES)
    batches = Batches(features, truths, targets, VOCABULARY, np.random.default_rng(0))
    assert len(batches.parts) == 4
    assert batches.mixed_share == 0.0
