import numpy as np
import pytest

from leitmotif.separation.repet import RepetSeparator, median_of, similar_frames

RATE_HZ = 22050


def accompaniment(duration_s: float, width: float = 0.0) -> np.ndarray:
    """A bar of two seconds that repeats: a click and a chord on every half second."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    beat_s = time_s % 0.5
    number = (time_s // 0.5).astype(int) % 4
    hz = np.array([220.0, 277.2, 329.6, 196.0])[number]
    sound = np.exp(-4 * beat_s) * (np.sin(2 * np.pi * hz * beat_s) + 0.5 * np.sin(4 * np.pi * hz * beat_s))
    right = np.exp(-4 * beat_s) * np.sin(2 * np.pi * 1.5 * hz * beat_s)
    return (0.1 * np.stack([sound, (1 - width) * sound + width * right])).astype(np.float32)


def voice(duration_s: float) -> np.ndarray:
    """A gliding, vibrating tone with harmonics: nothing of it comes twice."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    drift = np.interp(
        time_s, np.arange(0, duration_s + 1), np.random.default_rng(4).uniform(-7, 7, int(duration_s) + 1)
    )
    hz = 400 * 2 ** ((drift + 0.5 * np.sin(2 * np.pi * 5.5 * time_s)) / 12)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    sound = sum(np.sin(h * phase) / h for h in range(1, 8))
    return (0.03 * np.stack([sound, sound])).astype(np.float32)


def sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10((reference**2).sum() / ((estimate - reference) ** 2).sum()))


@pytest.mark.parametrize("width", [0.0, 0.7], ids=["mono", "stereo"])
def test_a_voice_over_what_repeats_is_weakened(width):
    music, sung = accompaniment(20.0, width), voice(20.0)
    found = RepetSeparator().load().remove_voice(music + sung, RATE_HZ)
    assert sdr_db(music, found) > sdr_db(music, music + sung) + 3


def test_music_that_repeats_stays_nearly_as_it_is():
    music = accompaniment(20.0, 0.7)
    assert sdr_db(music, RepetSeparator().remove_voice(music, RATE_HZ)) > 15


def test_what_comes_from_the_sides_is_kept_bit_for_bit_but_for_rounding():
    mix = accompaniment(6.0, 0.7) + voice(6.0)
    found = RepetSeparator().remove_voice(mix, RATE_HZ)
    np.testing.assert_allclose(found[0] - found[1], mix[0] - mix[1], atol=1e-6)


def test_a_mono_file_stays_mono():
    mix = accompaniment(6.0) + voice(6.0)
    found = RepetSeparator().remove_voice(mix, RATE_HZ)
    np.testing.assert_array_equal(found[0], found[1])


def test_bass_below_the_voice_is_not_touched():
    tone = 0.2 * np.sin(2 * np.pi * 50 * np.arange(8 * RATE_HZ) / RATE_HZ)
    mix = np.stack([tone, tone]).astype(np.float32)
    assert sdr_db(mix, RepetSeparator().remove_voice(mix, RATE_HZ)) > 40


@pytest.mark.parametrize("samples", [0, 1, 1000, 5000, 30001])
def test_a_recording_of_any_length_comes_out_as_long(samples):
    mix = voice(2.0)[:, :samples]
    found = RepetSeparator().remove_voice(mix, RATE_HZ)
    assert found.shape == mix.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_too_short_a_recording_to_repeat_is_left_alone():
    mix = voice(1.0)
    np.testing.assert_allclose(RepetSeparator().remove_voice(mix, RATE_HZ), mix, atol=1e-6)


def test_silence_stays_silence():
    silence = np.zeros((2, 5 * RATE_HZ), np.float32)
    assert not RepetSeparator().remove_voice(silence, RATE_HZ).any()


def test_similar_frames_are_found_and_lie_apart():
    bars = np.tile(np.eye(10, dtype=np.float32), 6)  # (10, 60): every tenth frame is the same
    similar = similar_frames(bars, 5, 3)
    assert similar.shape == (60, 5)
    assert (similar % 10 == np.arange(60)[:, None] % 10).all()


def test_the_median_is_taken_over_the_similar_frames():
    magnitude = np.random.default_rng(0).random((130, 20)).astype(np.float32)
    for count in (4, 5):
        similar = np.random.default_rng(1).integers(0, 20, (20, count))
        np.testing.assert_allclose(
            median_of(magnitude, similar), np.median(magnitude[:, similar], axis=2), rtol=1e-6
        )


@pytest.mark.slow
def test_rendered_songs_come_nearer_to_their_instrumental():
    from leitmotif.music.render import render_music

    gains = []
    for seed in range(6000, 6008):
        song = render_music(seed, duration_s=15.0, solo=False, vocals=True, degraded=False)
        music = song.mix - song.voice
        found = RepetSeparator().remove_voice(song.mix, 44100)
        gains.append(sdr_db(music, found) - sdr_db(music, song.mix))
    assert np.mean(gains) > 1.5
