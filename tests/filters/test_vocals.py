import csv
from pathlib import Path

import numpy as np
import pytest

from leitmotif import encoders
from leitmotif.filters.vocals import VOICE_CLASSES, voice_probability
from leitmotif.taxonomy import labels

CLASSES = ("Music", *VOICE_CLASSES, "Guitar")


def scores(windows: int = 3) -> np.ndarray:
    return np.full((windows, len(CLASSES)), 0.01, np.float32)


def test_a_voice_in_one_window_is_a_voice_in_the_track():
    windows = scores(24)
    assert voice_probability(windows, CLASSES) == pytest.approx(0.01)
    windows[17, CLASSES.index("Choir")] = 0.4
    assert voice_probability(windows, CLASSES) == pytest.approx(0.4)


def test_music_without_a_voice_may_be_as_loud_as_it_likes():
    windows = scores()
    windows[:, [0, -1]] = 0.99
    assert voice_probability(windows, CLASSES) == pytest.approx(0.01)


@pytest.mark.parametrize("name", ["Singing", "Rapping", "Humming", "Speech", "Vocal music", "A capella"])
def test_every_kind_of_voice_counts(name):
    windows = scores(1)
    windows[0, CLASSES.index(name)] = 0.2
    assert voice_probability(windows, CLASSES) == pytest.approx(0.2)


def test_the_classes_are_those_of_audioset_under_human_voice_and_two_of_music():
    text = Path(encoders.__file__).with_name("audioset_labels.csv").read_text(encoding="utf-8")
    names = [name for _, name in csv.reader(text.splitlines())]
    # AudioSet's ontology is written depth first, and "Human voice" comes first.
    assert sorted(map(names.index, VOICE_CLASSES)) == [*range(40), 254, 255]
    assert names[40] == "Whistling" and len(set(VOICE_CLASSES)) == len(VOICE_CLASSES)
    for label in labels.load().vocals:
        assert label.audioset is None or label.audioset.name in VOICE_CLASSES


@pytest.mark.parametrize(
    ("windows", "classes", "message"),
    [
        (np.zeros((0, 44)), CLASSES, "at least one window"),
        (np.zeros(44), CLASSES, "at least one window"),
        (np.zeros((2, 43)), CLASSES, r"expected \(windows, 44\)"),
        (np.zeros((2, 2)), ("Music", "Guitar"), "without 'Speech'"),
    ],
)
def test_impossible_probabilities_are_refused(windows, classes, message):
    with pytest.raises(ValueError, match=message):
        voice_probability(windows, classes)
