"""What is measured of generated music, on sounds whose tempo and brightness are known."""

import numpy as np

from bench.quality.ecmg import Heard, agree, compare, listen

RATE_HZ = 16_000


def clicks(tempo_bpm: float, pitch_hz: float, seconds: float = 8.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    since_s = time % (60 / tempo_bpm)
    return (np.sin(2 * np.pi * pitch_hz * time) * np.exp(-since_s / 0.03))[None].astype(np.float32)


def test_tempo_and_brightness_of_clicks_are_heard() -> None:
    low, high = listen(clicks(90.0, 400.0), RATE_HZ), listen(clicks(120.0, 3000.0), RATE_HZ)
    assert agree(low.tempo_bpm, 90.0) and agree(high.tempo_bpm, 120.0)
    assert np.log(400.0) - 0.1 < low.brightness < high.brightness - 0.5
    assert high.brightness < np.log(8000.0)


def test_silence_has_no_tempo_and_agrees_with_nothing() -> None:
    heard = listen(np.zeros((1, 8 * RATE_HZ), np.float32), RATE_HZ)
    assert np.isnan(heard.tempo_bpm) and not agree(heard.tempo_bpm, 120.0)


def test_sounds_that_are_their_references_agree_with_these_and_not_with_others() -> None:
    given = [Heard(60 * 1.08**number, number) for number in range(8)]  # no two agree
    found = compare(given, given)
    assert found["brightness: rank correlation with the reference"][0] == 1.0
    assert found["tempo: agrees with the reference"] == [1.0, 1.0, 1.0]
    assert found["tempo: agrees with the references of others"][0] == 0.0
    found = compare(given, given[::-1])
    assert found["brightness: rank correlation with the reference"][0] == -1.0
    assert found["tempo: agrees with the reference"][0] == 0.0
