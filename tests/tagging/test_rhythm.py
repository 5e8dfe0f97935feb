"""The tempo of a track, and where there is none."""

import numpy as np
import pytest

from leitmotif.tagging.beats import find_beat
from leitmotif.tagging.key import estimate_key
from tests.tagging.sounds import RATE_HZ, WALTZ, clicks, notes


def estimate_tempo(track: np.ndarray, rate_hz: int) -> float | None:
    return find_beat(track, rate_hz).tempo_bpm


@pytest.mark.parametrize("bpm", [72.0, 90.0, 100.0, 120.0, 133.0])
def test_clicks_have_their_tempo(bpm):
    assert estimate_tempo(clicks(bpm), RATE_HZ) == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("bpm", [50.0, 180.0, 210.0])
def test_very_slow_and_very_fast_clicks_may_be_counted_at_double_or_half(bpm):
    found = estimate_tempo(clicks(bpm), RATE_HZ)
    assert any(found == pytest.approx(bpm * factor, rel=0.01) for factor in (0.5, 1.0, 2.0))


def test_tempo_does_not_depend_on_level_or_rate():
    track = clicks(110.0)
    assert estimate_tempo(track * 0.05, RATE_HZ) == pytest.approx(110.0, rel=0.01)
    assert estimate_tempo(np.repeat(track, 2), 2 * RATE_HZ) == pytest.approx(110.0, rel=0.01)


@pytest.mark.parametrize(
    "track",
    [
        np.zeros(10 * RATE_HZ, np.float32),
        np.zeros(0, np.float32),
        clicks(120.0, 1.0),
        0.1 * np.sin(np.arange(10 * RATE_HZ) * 0.1).astype(np.float32),
        0.1 * np.random.default_rng(1).standard_normal(10 * RATE_HZ).astype(np.float32),
    ],
    ids=["silence", "empty", "too short", "a held tone", "noise"],
)
def test_where_nothing_beats_there_is_no_tempo(track):
    assert estimate_tempo(track, RATE_HZ) is None


# Of six eighths: bass on the two beats, a melody above.
JIG = [
    (0, 36, 2.0),
    (3, 43, 2.0),
    *((i, 72 + (0, 4, 7, 4, 2, 5)[i], 1.3 if i % 3 == 0 else 0.9) for i in range(6)),
]
SICILIANA = [(0, 36, 2.0), (3, 43, 1.6), (0, 72, 1.3), (2, 74, 0.7), (3, 76, 1.2), (5, 72, 0.7)]


@pytest.mark.parametrize("bar", [JIG, SICILIANA], ids=["jig", "siciliana"])
@pytest.mark.parametrize("bpm", [56.0, 64.0, 84.0, 96.0, 104.0, 118.0])
def test_the_beat_of_six_eighths_is_never_two_of_them(bar, bpm):
    beat = find_beat(notes(bar, 60 / bpm / 3, 6), RATE_HZ)
    assert beat.tempo_bpm == pytest.approx(bpm, rel=0.02) or beat.tempo_bpm == pytest.approx(
        3 * bpm, rel=0.02
    )
    assert beat.metre in ("6/8", None) or beat.tempo_bpm > 2 * bpm


@pytest.mark.parametrize("bpm", [96.0, 130.0, 155.0, 172.0, 190.0])
def test_the_beat_of_a_waltz_is_never_two_of_its_three(bpm):
    beat = find_beat(notes(WALTZ, 60 / bpm, 3), RATE_HZ)
    assert beat.tempo_bpm == pytest.approx(bpm, rel=0.02) or beat.tempo_bpm == pytest.approx(
        bpm / 3, rel=0.02
    )


def test_stereo_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r"\(2, 1000\).*mono"):
        estimate_tempo(np.zeros((2, 1000), np.float32), RATE_HZ)
    with pytest.raises(ValueError, match="mono"):
        estimate_key(np.zeros((2, 1000), np.float32), RATE_HZ)


@pytest.mark.slow
def test_rendered_music_has_its_very_tempo_in_eight_of_ten_and_its_key_in_six():
    from leitmotif.music.render import render_music

    exact, counted, keys = [], [], []
    for seed in range(5000, 5040):
        music = render_music(seed, duration_s=15.0, rate_hz=RATE_HZ, solo=False)
        mono = music.mix.mean(axis=0)
        ratio = (estimate_tempo(mono, RATE_HZ) or 1.0) / music.truth.tempo_bpm
        exact.append(abs(ratio - 1) < 0.04)
        counted.append(any(abs(ratio / factor - 1) < 0.04 for factor in (0.5, 1, 2)))
        keys.append(estimate_key(mono, RATE_HZ) == music.truth.key)
    assert np.mean(exact) >= 0.8
    assert np.mean(counted) >= 0.88
    assert np.mean(keys) >= 0.6
