"""Which multiple of a pulse is the tempo."""

import numpy as np
import pytest

from leitmotif.tagging.octave import RATIOS, WEIGHTS, candidates, choose_octave, features, strengthen
from leitmotif.tagging.rhythm import autocorrelate

RATE_HZ = 172.0


def beats(bpm: float, pattern: tuple[float, ...], duration_s: float = 15.0) -> np.ndarray:
    """Onsets of these strengths, in turn, on every quarter of a beat."""
    onsets = np.zeros(round(duration_s * RATE_HZ))
    for number, start in enumerate(np.arange(0.0, duration_s, 15.0 / bpm)):
        onsets[min(len(onsets) - 1, round(start * RATE_HZ))] = pattern[number % len(pattern)]
    return onsets


ROCK = (1.0, 0.0, 0.3, 0.0)  # a stroke on the beat, a softer one half-way


@pytest.mark.parametrize("wrong", [0.5, 2.0])
@pytest.mark.parametrize("bpm", [80.0, 100.0, 120.0, 140.0])
def test_the_stressed_beat_is_found_from_its_half_and_its_double(bpm, wrong):
    onsets = beats(bpm, ROCK)
    recurrence = autocorrelate(onsets, RATE_HZ)
    assert choose_octave(bpm * wrong, onsets, recurrence, RATE_HZ) == pytest.approx(bpm)


def test_twice_as_much_of_the_same_music_has_the_same_tempo():
    for bpm in (66.0, 95.0, 150.0):
        chosen = set()
        for duration_s in (15.0, 60.0):
            onsets = beats(bpm, ROCK, duration_s)
            chosen.add(choose_octave(bpm, onsets, autocorrelate(onsets, RATE_HZ), RATE_HZ))
        assert len(chosen) == 1


def test_candidates_are_multiples_within_what_can_be_counted():
    assert candidates(120.0) == pytest.approx([40.0, 60.0, 80.0, 120.0, 180.0])
    assert len(RATIOS) == 7
    assert choose_octave(2000.0, np.zeros(100), np.ones(100), RATE_HZ) == 2000.0


def test_there_is_a_weight_for_every_feature():
    onsets = beats(120.0, ROCK)
    row = features(120.0, strengthen(onsets, RATE_HZ), autocorrelate(onsets, RATE_HZ), RATE_HZ)
    assert row.shape == (len(WEIGHTS),)
    assert np.isfinite(row).all()
