"""Melody accuracy of sounds whose pitches are known."""

import numpy as np
import pytest

from leitmotif.evaluation.melody import melody, melody_accuracy

RATE_HZ = 16_000


def tones(*keys: int, seconds: float = 0.5, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Notes one after the other, each with two overtones, as MIDI numbers; mono (1, n)."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    notes = [440 * 2 ** ((key - 69) / 12) for key in keys]
    return np.concatenate(
        [sum(np.sin(2 * np.pi * k * pitch * time) / k**2 for k in (1, 2)) for pitch in notes]
    )[None]


@pytest.mark.parametrize("key", range(69, 81))
def test_every_pitch_class_is_found_in_any_octave_and_at_any_rate(key: int) -> None:
    for sound, rate_hz in ((tones(key), RATE_HZ), (tones(key + 12, rate_hz=44_100), 44_100)):
        found = melody(sound, rate_hz)
        assert (found[10:-10] == key % 12).mean() > 0.95


def test_the_accuracy_is_the_share_of_the_time() -> None:
    followed = melody(tones(72, 74, 76, 77), RATE_HZ)
    assert melody_accuracy(followed, followed) == 1.0
    half = melody_accuracy(melody(tones(72, 74, 79, 81), RATE_HZ), followed)
    assert half == pytest.approx(0.5, abs=0.03)
    octave = melody_accuracy(melody(tones(84, 86, 88, 89), RATE_HZ), followed)
    assert octave == pytest.approx(1.0, abs=0.03)
    semitone = melody_accuracy(melody(tones(73, 75, 78, 79), RATE_HZ), followed)
    assert semitone == pytest.approx(0.0, abs=0.03)


def test_a_bass_below_is_not_the_melody() -> None:
    bass = 3 * np.sin(2 * np.pi * 55.0 * np.arange(RATE_HZ) / RATE_HZ)
    found = melody(tones(76, seconds=1.0) + bass, RATE_HZ)
    assert (found[10:-10] == 4).mean() > 0.95


def test_silence_follows_nothing_and_is_not_followed() -> None:
    silence = np.zeros((2, RATE_HZ))
    assert set(melody(silence, RATE_HZ)) == {-1}
    heard = melody(tones(72, seconds=1.0), RATE_HZ)
    assert melody_accuracy(melody(silence, RATE_HZ), heard) == 0.0
    assert np.isnan(melody_accuracy(heard, melody(silence, RATE_HZ)))
    assert len(melody(np.zeros((1, 10)), RATE_HZ)) > 0
