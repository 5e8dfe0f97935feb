"""Which multiple of a pulse is the tempo."""

import numpy as np
import pytest

from leitmotif.tagging.octave import RATIOS, Layer, candidates, choose_octave, features, read_weights
from leitmotif.tagging.rhythm import Onsets, layers_of

RATE_HZ = 172.0


def beats(bpm: float, pattern: tuple[float, ...], duration_s: float = 15.0) -> np.ndarray:
    """Onsets of these strengths, in turn, on every quarter of a beat."""
    onsets = np.zeros(round(duration_s * RATE_HZ))
    for number, start in enumerate(np.arange(0.0, duration_s, 15.0 / bpm)):
        onsets[min(len(onsets) - 1, round(start * RATE_HZ))] = pattern[number % len(pattern)]
    return onsets


ROCK = (1.0, 0.0, 0.3, 0.0)  # a stroke on the beat, a softer one half-way


def choose(bpm: float, onsets: np.ndarray) -> float:
    return choose_octave([bpm], *layers_of(Onsets(onsets, onsets, onsets, RATE_HZ)), RATE_HZ)


@pytest.mark.parametrize("wrong", [0.5, 2.0])
@pytest.mark.parametrize("bpm", [80.0, 100.0, 120.0, 140.0])
def test_the_stressed_beat_is_found_from_its_half_and_its_double(bpm, wrong):
    assert choose(bpm * wrong, beats(bpm, ROCK)) == pytest.approx(bpm)


def test_twice_as_much_of_the_same_music_has_the_same_tempo():
    for bpm in (66.0, 95.0, 150.0):
        assert len({choose(bpm, beats(bpm, ROCK, duration_s)) for duration_s in (15.0, 60.0)}) == 1


def test_candidates_are_multiples_within_what_can_be_counted_each_once():
    multiples = [40.0, 60.0, 80.0, 90.0, 120.0, 160.0, 180.0]
    assert candidates([120.0]) == pytest.approx(multiples)
    assert candidates([120.0, 60.5]) == pytest.approx([*multiples, 45.375])
    assert len(RATIOS) == 11
    still = Layer(np.zeros(100), np.zeros(100))
    assert choose_octave([2000.0], still, still, RATE_HZ) == 2000.0


def test_there_is_a_weight_for_every_feature():
    onsets = beats(120.0, ROCK)
    row = features(120.0, *layers_of(Onsets(onsets, onsets, onsets, RATE_HZ)), RATE_HZ)
    assert read_weights().shape[1] == len(row) + 2
    assert np.isfinite(row).all()
