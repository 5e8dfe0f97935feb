"""Where beats lie, and how sure it is that there are any."""

import numpy as np
import pytest

from leitmotif.tagging.beats import MIN_CONFIDENCE, find_beat
from leitmotif.tagging.tracking import track_beats
from tests.tagging.sounds import RATE_HZ, applause, clicks, notes, syllables, tone

FRAMES_HZ = 172.0


@pytest.mark.parametrize("bpm", [72.0, 100.0, 133.0])
def test_beats_lie_on_the_clicks(bpm):
    beat = find_beat(clicks(bpm), RATE_HZ)
    true = np.arange(0.1, 11.9, 60 / bpm)
    assert beat.confidence > 0.9
    assert np.array(beat.beats_s) == pytest.approx(true, abs=0.02)


def test_beats_follow_a_tempo_that_changes_a_little():
    times = np.cumsum(60 / np.linspace(100.0, 112.0, 24)) - 0.3
    strengths = np.zeros(round(times[-1] * FRAMES_HZ) + 50)
    strengths[np.round(times * FRAMES_HZ).astype(int)] = 10.0
    assert track_beats(strengths, FRAMES_HZ, 106.0) == pytest.approx(np.round(times * FRAMES_HZ))


def test_a_missing_onset_is_bridged():
    true = np.round(np.arange(0.2, 12.0, 0.5) * FRAMES_HZ).astype(int)
    strengths = np.zeros(round(12.0 * FRAMES_HZ))
    strengths[np.delete(true, [5, 6, 14])] = 10.0
    assert track_beats(strengths, FRAMES_HZ, 120.0) == pytest.approx(true, abs=1)


def test_where_there_are_no_onsets_there_are_no_beats_but_one():
    assert len(track_beats(np.zeros(1000), FRAMES_HZ, 120.0)) <= 1
    assert len(track_beats(np.ones(3), FRAMES_HZ, 120.0)) <= 1


@pytest.mark.parametrize(
    "track",
    [tone(), applause(0), applause(1), *(syllables(seed) for seed in range(4)), np.zeros(5 * RATE_HZ)],
    ids=["a held note", "applause", "more applause", "speech", "speech 2", "speech 3", "speech 4", "silence"],
)
def test_what_has_no_beat_has_neither_tempo_nor_beats_and_a_low_confidence(track):
    beat = find_beat(track, RATE_HZ)
    assert beat.confidence < MIN_CONFIDENCE
    assert beat.tempo_bpm is None and beat.beats_s is None


@pytest.mark.parametrize("rate_hz", [1.6, 2.3, 4.0])
@pytest.mark.parametrize("depth", [0.3, 0.6])
def test_a_held_note_that_trembles_in_time_has_no_beat(rate_hz, depth):
    seconds = np.arange(12 * RATE_HZ) / RATE_HZ
    note = sum(np.sin(2 * np.pi * 220.0 * k * seconds) / k for k in range(1, 9))
    track = 0.05 * note * (1.0 + depth * np.sin(2 * np.pi * rate_hz * seconds))
    assert find_beat(track, RATE_HZ).tempo_bpm is None


def test_one_chord_that_is_struck_again_and_again_has_a_beat():
    track = notes([(beat, pitch, 1.0) for beat in range(32) for pitch in (48, 60, 64, 67)], 0.5, 32, 15.0)
    assert find_beat(track, RATE_HZ).tempo_bpm == pytest.approx(120.0, rel=0.01)


def test_of_what_is_too_short_nothing_is_said():
    assert find_beat(clicks(120.0, 1.5), RATE_HZ).confidence is None
