import csv
from pathlib import Path

import numpy as np
import pytest

from leitmotif import encoders
from leitmotif.filters.events import SINGING_CLASSES, SPEECH_CLASSES, heard_in
from leitmotif.filters.rule import discover
from leitmotif.filters.vocals import VOICE_CLASSES
from leitmotif.taxonomy import labels

FEW = ("Speech", "Singing", "Music")


@pytest.fixture(scope="module")
def audioset() -> list[str]:
    text = Path(encoders.__file__).with_name("audioset_labels.csv").read_text(encoding="utf-8")
    return [name for _, name in csv.reader(text.splitlines())]


def heard_of(names: list[str], **probabilities: float) -> object:
    windows = np.full((4, len(names)), 0.01, np.float32)
    for name, probability in probabilities.items():
        windows[2, names.index(name)] = probability
    return heard_in(windows, names)


def test_speech_singing_and_music_are_means_over_the_windows_and_a_voice_is_the_highest():
    heard = heard_in(np.array([[0.9, 0.0, 0.1], [0.7, 0.2, 0.0]]), FEW)
    assert heard.speech == pytest.approx(0.8) and heard.singing == pytest.approx(0.1)
    assert heard.music == pytest.approx((0.1 + 0.2) / 2)  # singing alone is music
    assert heard.voice == pytest.approx(0.9)


def test_a_refrain_is_a_voice_in_full_and_one_wrong_window_of_many_is_none():
    track = np.tile([0.0, 0.02, 0.9], (24, 1))
    track[7] = (0.0, 0.9, 0.9)
    heard = heard_in(track, FEW)
    assert heard.voice == pytest.approx(0.9) and heard.voices == pytest.approx((0.9 + 5 * 0.02) / 6)
    track[4:10] = (0.0, 0.9, 0.9)
    assert heard_in(track, FEW).voices == pytest.approx(0.9)
    assert heard_in(track[7:8], FEW).voices == pytest.approx(0.9)


def test_the_rule_drops_speech_and_noise_and_keeps_a_cappella_singing_and_what_nobody_heard():
    import pyarrow as pa

    tracks = [[0.95, 0.01, 0.02], [0.01, 0.01, 0.05], [0.2, 0.7, 0.01], [0.5, 0.0, 0.9]]
    shares = [heard_in(np.array([track]), FEW).music for track in tracks]
    assert discover()["not-music"].passes(pa.array([*shares, None])).to_pylist() == [
        *(False, False, True, True, True)
    ]


def test_among_all_classes_of_audioset_every_kind_of_music_and_singing_is_music(audioset):
    for name in ("Music", "Scary music", "Snare drum", "Choir", "A capella"):
        assert heard_of(audioset, **{name: 0.41}).music == pytest.approx(0.11)
    for name in ("Speech", "Dog", "Applause", "Whale vocalization", "Wind", "Silence"):
        assert heard_of(audioset, **{name: 0.41}).music == pytest.approx(0.01)
    assert heard_of(audioset, Conversation=0.41).speech == pytest.approx(0.11)


@pytest.mark.parametrize("name", ["Singing", "Rapping", "Humming", "Speech", "Vocal music", "A capella"])
def test_a_voice_in_one_window_is_a_voice_in_the_track(audioset, name):
    assert heard_of(audioset).voice == pytest.approx(0.01)
    assert heard_of(audioset, **{name: 0.4}).voice == pytest.approx(0.4)
    assert heard_of(audioset, Guitar=0.9).voice == pytest.approx(0.01)


def test_the_classes_are_those_of_audioset_under_human_voice_and_two_of_music(audioset):
    # AudioSet's ontology is written depth first, and "Human voice" comes first.
    assert sorted(map(audioset.index, VOICE_CLASSES)) == [*range(40), 254, 255]
    assert audioset[40] == "Whistling" and len(set(VOICE_CLASSES)) == len(VOICE_CLASSES)
    for label in labels.load().vocals:
        assert label.audioset is None or label.audioset.name in VOICE_CLASSES
    assert {*SPEECH_CLASSES, *SINGING_CLASSES} <= {*VOICE_CLASSES}


@pytest.mark.parametrize(
    ("windows", "classes", "message"),
    [
        (np.zeros((0, 3)), FEW, "at least one window"),
        (np.zeros(3), FEW, "at least one window"),
        (np.zeros((2, 2)), FEW, r"expected \(windows, 3\)"),
        (np.zeros((2, 2)), ("Music", "Guitar"), "without 'Speech'"),
    ],
)
def test_impossible_probabilities_are_refused(windows, classes, message):
    with pytest.raises(ValueError, match=message):
        heard_in(windows, classes)
