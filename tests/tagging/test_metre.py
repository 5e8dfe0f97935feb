"""How beats are counted."""

import numpy as np
import pytest

from leitmotif.tagging.metre import METRES, WEIGHTS, features, find_metre
from leitmotif.tagging.octave import Layer
from leitmotif.tagging.rhythm import Onsets, layers_of

RATE_HZ = 172.0


def layers(bpm: float, hits: dict[float, float], beats: int, duration_s: float = 16.0) -> tuple[Layer, Layer]:
    """Onsets at these moments of a bar (beats), each so strong; the strongest are low as well."""
    whole = np.zeros(round(duration_s * RATE_HZ))
    low = np.zeros_like(whole)
    for bar in range(int(duration_s * bpm / 60 / beats) + 1):
        for beat, strength in hits.items():
            frame = round((bar * beats + beat) * 60 / bpm * RATE_HZ)
            if frame < len(whole):
                whole[frame] = strength
                low[frame] = max(strength - 0.5, 0.0)
    return layers_of(Onsets(whole, low, whole, RATE_HZ))


MARCH = {0: 1.0, 1: 0.5, 2: 0.9, 3: 0.5, 0.5: 0.2, 1.5: 0.2, 2.5: 0.2, 3.5: 0.3}
WALTZ = {0: 1.0, 1: 0.45, 2: 0.45}
JIG = {0: 1.0, 1: 0.7, **{n / 3: 0.35 for n in (1, 2, 4, 5)}}


@pytest.mark.parametrize(
    ("hits", "beats", "bpm", "metre"),
    [(MARCH, 4, 110.0, "4/4"), (WALTZ, 3, 140.0, "3/4"), (JIG, 2, 70.0, "6/8")],
    ids=["march", "waltz", "jig"],
)
def test_a_plain_pattern_has_its_metre(hits, beats, bpm, metre):
    assert find_metre(bpm, *layers(bpm, hits, beats), RATE_HZ) == metre


def test_there_is_a_weight_for_every_feature_and_the_constant():
    row = features(110.0, *layers(110.0, MARCH, 4), RATE_HZ)
    assert np.asarray(WEIGHTS).shape == (len(METRES) - 1, len(row) + 1)
