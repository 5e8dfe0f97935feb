"""Which beats begin a bar."""

import numpy as np
import pytest

from leitmotif.tagging.beats import find_beat
from leitmotif.tagging.downbeats import BEATS_A_BAR, WEIGHTS, find_downbeat, harmony
from leitmotif.tagging.metre import METRES
from leitmotif.tagging.rhythm import find_onsets, layers_of
from tests.tagging.sounds import RATE_HZ, WALTZ, clicks, notes

MARCH = [
    (0, 36, 2.5),
    (2, 43, 1.0),
    *((i, pitch, 0.6) for i in (1, 3) for pitch in (60, 64, 67)),
    (0, 72, 1.2),
    (2, 76, 0.8),
]


@pytest.mark.parametrize(
    ("bar", "beats", "metre"), [(WALTZ, 3, "3/4"), (MARCH, 4, "4/4")], ids=["waltz", "march"]
)
def test_a_bar_begins_where_the_bass_and_the_harmony_change(bar, beats, metre):
    beat_s = 0.5
    track = notes(bar, beat_s, beats, 19.0).astype(np.float32)[round(0.7 * RATE_HZ) :]
    onsets = find_onsets(track, RATE_HZ)
    times = np.arange(beat_s - 0.7 % beat_s, 17.5, beat_s)
    frames = np.round(times * onsets.rate_hz).astype(int)
    first = find_downbeat(track, RATE_HZ, frames, *layers_of(onsets), onsets.rate_hz, metre)
    assert first is not None
    assert (times[first] + 0.7) % (beats * beat_s) == pytest.approx(0.0, abs=0.01)


def test_where_all_beats_are_alike_none_begins_a_bar():
    assert find_beat(clicks(110.0), RATE_HZ).downbeats_s is None


def test_harmony_sums_the_pitch_classes():
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    summed = harmony(0.1 * np.sin(2 * np.pi * 440.0 * seconds).astype(np.float32), RATE_HZ, 100)
    assert summed.shape == (101, 12)
    assert int(np.argmax(summed[80] - summed[20])) == 9  # A


def test_every_metre_has_weights():
    assert set(WEIGHTS) == set(BEATS_A_BAR) == set(METRES)
    assert {len(weights) for weights in WEIGHTS.values()} == {8}
