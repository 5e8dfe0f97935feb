"""What is generated comes out at one loudness, and within full scale."""

import numpy as np
import pytest

from leitmotif.generators.loudness import PEAK, measure, normalize

RATE_HZ = 16_000


def tone(amplitude: float, seconds: float = 3.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * 997 * time))[None].astype(np.float32)


@pytest.mark.parametrize("amplitude", [1e-3, 0.1, 4.0])
def test_a_sound_comes_to_the_loudness_that_is_wanted(amplitude: float) -> None:
    found = normalize(tone(amplitude), RATE_HZ, -16.0)
    assert measure(found, RATE_HZ) == pytest.approx(-16.0, abs=0.1)
    assert found.dtype == np.float32


def test_a_tone_has_the_loudness_of_the_recommendation() -> None:
    # BS.1770: a sine of 997 Hz at full scale in one channel measures -3.01 LUFS.
    assert measure(tone(1.0), RATE_HZ) == pytest.approx(-3.01, abs=0.1)


def test_peaks_stay_below_full_scale_where_the_loudness_asks_for_more() -> None:
    clicks = np.zeros((2, 3 * RATE_HZ), np.float32)
    clicks[:, ::4000] = 0.5
    found = normalize(clicks, RATE_HZ, -6.0)
    assert float(np.abs(found).max()) == pytest.approx(PEAK)
    assert measure(found, RATE_HZ) < -6.0


def test_silence_stays_silence_and_what_is_too_short_to_measure_is_as_loud_as_its_peaks_allow() -> None:
    assert not normalize(np.zeros((1, RATE_HZ), np.float32), RATE_HZ, -16.0).any()
    short = normalize(tone(0.01, 0.1), RATE_HZ, -16.0)
    assert float(np.abs(short).max()) == pytest.approx(PEAK)
    faint = normalize(tone(1e-6), RATE_HZ, -16.0)  # below the gate of the measure
    assert np.isfinite(faint).all()
