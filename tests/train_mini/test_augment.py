"""Augmentation of features."""

import torch

from leitmotif.train_mini.augment import Augmentation, augment
from leitmotif.train_mini.corpus import FLOOR_DB, FRAMES, MELS
from leitmotif.train_mini.targets import make_targets
from tests.train_mini.known_clips import NOISY, PLACES, ROCK, SONG, VOCABULARY


def test_reverberation_adds_a_tail_and_nothing_before_the_sound():
    features = torch.full((1, FRAMES, MELS), FLOOR_DB)
    features[:, 100] = 0.0
    truths = make_targets([ROCK], VOCABULARY, PLACES)
    dry = dict.fromkeys(("equalise", "shift", "tile", "silence", "floor", "noise", "mask", "empty"), 0.0)
    changed, _ = augment(
        features, truths, torch.Generator().manual_seed(0), Augmentation(reverberate=1.0, **dry)
    )
    clip = torch.roll(changed[0], 100 - int(changed[0].sum(1).argmax()), dims=0)
    tail = clip[101:110].mean(1)
    assert (tail[:-1] > tail[1:]).all()
    assert clip[:90].mean() < tail.mean() - 20


def test_augmentation_is_drawn_from_its_generator_and_stays_in_range():
    features = torch.randn(6, FRAMES, MELS) * 10 - 20
    targets = make_targets([ROCK, SONG, NOISY] * 2, VOCABULARY, PLACES)
    twice = [augment(features, targets, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(twice[0][0], twice[1][0])
    assert twice[0][0].shape == features.shape
    assert float(twice[0][0].min()) >= FLOOR_DB


def test_a_clip_replaced_by_noise_has_no_labels():
    features = torch.zeros(4, FRAMES, MELS)
    targets = make_targets([ROCK, SONG, NOISY, ROCK], VOCABULARY, PLACES)
    _, changed = augment(features, targets, torch.Generator().manual_seed(0), Augmentation(empty=1.0))
    assert changed.labels.sum() == 0
    assert changed.voice.sum() == 0
