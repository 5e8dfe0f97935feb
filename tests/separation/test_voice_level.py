import numpy as np
import pytest

from leitmotif.separation.voice_level import MOST_DB, SILENCE_DB, WINDOW_S, VoiceMeter

RATE_HZ = 1000


def tone(level: float, duration_s: float) -> np.ndarray:
    wave = level * np.sqrt(2) * np.sin(2 * np.pi * 50 * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)
    return np.stack([wave, wave]).astype(np.float32)


def measure(instrumental: np.ndarray, voice: np.ndarray, block: int = 700) -> VoiceMeter:
    meter = VoiceMeter(RATE_HZ)
    for start in range(0, instrumental.shape[1], block):
        meter.add(instrumental[:, start : start + block], voice[:, start : start + block])
    return meter


def other(level: float, duration_s: float) -> np.ndarray:
    """A tone that adds its energy to that of `tone`."""
    return np.roll(tone(level, duration_s), 5, axis=1)


@pytest.mark.parametrize("duration_s", [0.01, 1.0, 10.0])
def test_levels_of_steady_sounds_are_their_own(duration_s):
    meter = measure(tone(0.1, duration_s), 0.1 * tone(0.1, duration_s))
    assert meter.voice_db == pytest.approx(-20, abs=0.01)
    assert meter.instrumental_db == pytest.approx(-20, abs=0.01)
    assert meter.mix_db == pytest.approx(20 * np.log10(0.11), abs=0.01)


def test_a_line_that_is_sung_once_in_a_long_track_is_heard():
    voice = np.zeros((2, 120 * RATE_HZ), np.float32)
    voice[:, 60 * RATE_HZ : round((60 + WINDOW_S + 0.5) * RATE_HZ)] = other(0.1, WINDOW_S + 0.5)
    assert measure(tone(0.1, 120.0), voice).voice_db == pytest.approx(0, abs=0.1)


def test_what_is_left_in_a_pause_is_no_voice():
    music = np.concatenate([tone(0.1, 20.0), tone(1e-5, 10.0)], axis=1)
    voice = np.concatenate([tone(1e-4, 20.0), tone(1e-4, 10.0)], axis=1)
    assert measure(music, voice).voice_db < -40


def test_the_blocks_change_nothing():
    music, voice = tone(0.1, 7.3), other(0.02, 7.3)
    levels = [(each.voice_db, each.mix_db) for each in (measure(music, voice, n) for n in (1, 999, 50_000))]
    assert levels[0] == pytest.approx(levels[1]) and levels[1] == pytest.approx(levels[2])


def test_levels_have_ends():
    sound, silence = tone(0.1, 4.0), np.zeros((2, 4 * RATE_HZ), np.float32)
    assert measure(silence, sound).voice_db == MOST_DB
    assert measure(silence, sound).instrumental_db == SILENCE_DB
    assert measure(sound, silence).voice_db == -MOST_DB
    nothing = measure(silence, silence)
    assert (nothing.voice_db, nothing.mix_db, nothing.instrumental_db) == (0, SILENCE_DB, SILENCE_DB)
    assert VoiceMeter(RATE_HZ).voice_db == 0
