"""Clips of which all is known, and features in which one band sounds."""

import numpy as np

from leitmotif.taxonomy.labels import load
from leitmotif.train_mini.batches import Batches
from leitmotif.train_mini.corpus import FLOOR_DB, FRAMES, MELS, Truth
from leitmotif.train_mini.prompts import make_vocabulary
from leitmotif.train_mini.targets import make_targets

TAXONOMY = load()

VOCABULARY = make_vocabulary(TAXONOMY)

PLACES = {mood.id: (mood.valence or 0.0, mood.arousal or 0.0) for mood in TAXONOMY.moods}

ROCK = Truth(1, "mix", ("drums", "bass guitar"), "rock", ("energetic",), 140.0, "E minor", (), 0.0)

SONG = Truth(2, "mix", ("piano",), "pop", ("calm",), 70.0, "C major", ("female vocals",), 0.0)

NOISY = Truth(3, "mix", ("piano",), "pop", ("calm",), 70.0, "C major", (), 0.8)

FIVE = ["piano", "violin", "drums", "flute", "organ"]


def column(kind: str, identity: str) -> int:
    pairs = list(zip(VOCABULARY.kinds, VOCABULARY.ids, strict=True))
    return pairs.index((kind, identity))


def tone(band: int, level_db: float) -> np.ndarray:
    view = np.full((FRAMES, MELS), FLOOR_DB, np.float16)
    view[:, band] = level_db
    return view


def part(instrument: str, seed: int = 1) -> Truth:
    return Truth(seed, "part", (instrument,), None, (), 140.0, None, (), 0.0)


def batches_of(parts: list[str], **settings: float) -> Batches:
    """One view of a rock clip, one of a voice, and one of each part in a band of its own."""
    voice = Truth(1, "voice", (), None, (), 140.0, None, ("female vocals",), 0.0)
    truths = [ROCK, voice, *(part(name) for name in parts)]
    features = np.stack([tone(band, -20.0) for band in range(len(truths))])
    targets = make_targets(truths, VOCABULARY, PLACES)
    return Batches(features, truths, targets, VOCABULARY, np.random.default_rng(0), **settings)
