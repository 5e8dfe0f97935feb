"""Computed sound effects: each is held against what is known of the sound that it imitates."""

from functools import cache

import numpy as np
import pytest
from scipy import signal

from leitmotif.generators.sound_effects.choose import EFFECTS, Wanted, choose
from leitmotif.generators.sound_effects.effect import Effect, Manner
from leitmotif.generators.sound_effects.living import HEART_HZ, WALK_HZ
from leitmotif.generators.sound_effects.render import LEVEL_DB, PEAK_DB, render
from leitmotif.generators.sound_effects.signals import RATE_HZ
from leitmotif.generators.sound_effects.things import BELL, FIRINGS_PER_TURN, IDLE_RPM, STRIKE_HZ, TICKS_HZ
from leitmotif.storage.errors import UserError

BY_NAME = {effect.name: effect for effect in EFFECTS}
AS_EVER = Manner()


@cache
def made_once(name: str, seconds: float, manner: Manner) -> np.ndarray:
    return render([Wanted(BY_NAME[name], manner)], seconds, 0)


def sound(name: str, seconds: float = 4.0, manner: Manner = AS_EVER) -> np.ndarray:
    return made_once(name, seconds, manner)


def middle(name: str, seconds: float = 4.0, **how: object) -> np.ndarray:
    return sound(name, seconds, **how).mean(axis=0)  # type: ignore[arg-type]


def spectrum(mono: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return signal.welch(mono, RATE_HZ, nperseg=min(len(mono), 32_768))


def share(mono: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Share of the power between two frequencies."""
    frequencies, power = spectrum(mono)
    return float(power[(frequencies >= low_hz) & (frequencies < high_hz)].sum() / power.sum())


def levels_db(mono: np.ndarray, block_s: float) -> np.ndarray:
    block = round(block_s * RATE_HZ)
    blocks = mono[: len(mono) // block * block].reshape(-1, block)
    return 10 * np.log10(np.square(blocks).mean(axis=1) + 1e-12)


def rate_of_beats(mono: np.ndarray, low_hz: float, high_hz: float) -> float:
    """The rate at which the envelope repeats itself most clearly."""
    hop = RATE_HZ // 200
    envelope = np.sqrt(np.square(mono[: len(mono) // hop * hop].reshape(-1, hop)).mean(axis=1))
    rises = np.maximum(np.diff(envelope), 0)
    likeness = signal.fftconvolve(rises, rises[::-1])[len(rises) - 1 :]
    lags = np.arange(round(200 / high_hz), round(200 / low_hz) + 1)
    return 200 / float(lags[np.argmax(likeness[lags])])


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_an_effect_has_its_length_and_level_and_neither_clips_nor_clicks(effect: Effect) -> None:
    made = sound(effect.name)
    assert made.shape == (2, 4 * RATE_HZ) and made.dtype == np.float32 and np.isfinite(made).all()
    assert 10 ** (-20 / 20) / 10 < np.abs(made).max() <= 10 ** (PEAK_DB / 20)
    assert np.abs(made[:, [0, -1]]).max() < 1e-3
    loudest = max(levels_db(np.sqrt(np.square(made).mean(axis=0)), 0.4))
    assert LEVEL_DB - 3 < loudest < LEVEL_DB + 1
    assert abs(float(made.mean())) < 0.002
    assert not np.array_equal(made[0], made[1]) and np.corrcoef(made)[0, 1] > 0.1


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_a_seed_is_a_sound_of_its_own_and_the_same_every_time(effect: Effect) -> None:
    wanted = [Wanted(effect, AS_EVER)]
    again = render(wanted, 0.4, 5)
    assert np.array_equal(render(wanted, 0.4, 5), again)
    assert not np.array_equal(render(wanted, 0.4, 6), again)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
@pytest.mark.parametrize("seconds", [0.1, 0.537])
def test_a_moment_of_an_effect_is_not_silent(effect: Effect, seconds: float) -> None:
    made = render([Wanted(effect, AS_EVER)], seconds, 1)
    assert made.shape == (2, round(seconds * RATE_HZ)) and np.abs(made).max() > 0.02


def test_rain_is_broad_and_steady() -> None:
    rain = middle("rain")
    assert np.std(levels_db(rain, 0.25)) < 1.0
    frequencies, power = spectrum(rain)
    heard = power[(frequencies > 1000) & (frequencies < 12_000)]
    assert np.exp(np.log(heard).mean()) / heard.mean() > 0.5  # flatness: white noise has 1
    assert share(rain, 1000, 16_000) > 0.8


def test_wind_is_low_and_comes_in_gusts() -> None:
    wind = middle("wind", 8.0)
    assert share(wind, 0, 2000) > 0.8
    assert np.ptp(levels_db(wind, 0.25)) > 4


def test_thunder_claps_then_rolls_away() -> None:
    thunder = middle("thunder", 8.0)
    assert share(thunder, 0, 600) > 0.6
    levels = levels_db(thunder, 1.0)
    assert levels[:2].max() > levels[4] + 6 and levels[4] > levels[7]


def test_waves_of_the_sea_come_every_seven_seconds() -> None:
    foam = signal.sosfilt(signal.butter(2, 1000, "highpass", fs=RATE_HZ, output="sos"), middle("sea", 42.0))
    levels = np.convolve(levels_db(foam, 0.5), np.ones(3) / 3, "same")
    peaks, _ = signal.find_peaks(levels, prominence=4)
    assert 6.0 < np.diff(peaks).mean() * 0.5 < 8.0


def test_a_heavy_rain_has_more_of_it_than_a_gentle_one_and_a_distant_one_less_treble() -> None:
    far = sound("rain", manner=Manner(distant=True))
    assert share(far.mean(axis=0), 4000, 20_000) < 0.3 * share(middle("rain"), 4000, 20_000)
    assert far.std() < 0.5 * sound("rain").std()


def test_fire_crackles() -> None:
    treble = signal.sosfilt(signal.butter(2, 2000, "highpass", fs=RATE_HZ, output="sos"), middle("fire"))
    kurtosis = np.mean(treble**4) / np.mean(treble**2) ** 2
    assert kurtosis > 10  # noise has 3


@pytest.mark.parametrize(("pace", "name"), [(1.0, "steps"), (1.3, "steps")])
def test_steps_come_at_walking_pace(pace: float, name: str) -> None:
    rate = rate_of_beats(middle(name, 8.0, manner=Manner(pace=pace)), 1.5, 4.0)
    assert rate == pytest.approx(WALK_HZ * pace, rel=0.05)


def test_a_heart_beats_seventy_times_a_minute_and_low() -> None:
    heart = middle("heartbeat", 8.0)
    assert rate_of_beats(heart, 0.8, 1.6) == pytest.approx(HEART_HZ, rel=0.04)
    assert share(heart, 20, 150) > 0.9


def test_a_clock_ticks_twice_a_second() -> None:
    assert rate_of_beats(middle("clock"), 1.5, 3.0) == pytest.approx(TICKS_HZ, rel=0.01)


@pytest.mark.parametrize("pace", [1.0, 1.4])
def test_an_engine_has_a_harmonic_series_at_its_speed(pace: float) -> None:
    firing_hz = IDLE_RPM * pace / 60 * FIRINGS_PER_TURN
    frequencies, power = spectrum(middle("engine", manner=Manner(pace=pace)))
    for harmonic in range(1, 7):
        near = np.abs(frequencies - harmonic * firing_hz) < 3
        between = np.abs(frequencies - (harmonic + 0.37) * firing_hz) < 3
        assert power[near].max() > 30 * power[between].max()


def test_the_partials_of_a_bell_stand_where_a_bells_do_and_die_away_the_high_ones_first() -> None:
    bell = sound("bell")[0]
    frequencies, moments, power = signal.spectrogram(bell, RATE_HZ, nperseg=8192, noverlap=4096)
    lasting = {}
    for ratio, decay_s, _ in BELL[:7]:
        near = np.abs(frequencies - STRIKE_HZ * ratio) < 8
        levels = 10 * np.log10(power[near].max(axis=0))
        within = (moments > 0.2) & (moments < min(3.5, 0.5 * decay_s))
        slope = np.polyfit(moments[within], levels[within], 1)[0]
        lasting[ratio] = -60 / slope
        assert lasting[ratio] == pytest.approx(decay_s, rel=0.35)
    assert lasting[0.5] > lasting[1.0] > lasting[2.0] > lasting[3.0]


def test_applause_swells_and_has_no_pitch() -> None:
    clapping = middle("applause")
    assert levels_db(clapping, 0.1)[0] < levels_db(clapping, 0.1)[10:].mean() - 3
    frequencies, power = spectrum(clapping)
    heard = power[(frequencies > 700) & (frequencies < 3500)]
    assert np.exp(np.log(heard).mean()) / heard.mean() > 0.5


def test_a_whoosh_rises_then_falls_and_crosses_from_left_to_right() -> None:
    made = sound("whoosh", 1.4)
    third = made.shape[1] // 3
    centroids = []
    for part in np.split(made[:, : 3 * third].mean(axis=0), 3):
        frequencies, power = spectrum(part)
        centroids.append(float((frequencies * power).sum() / power.sum()))
    assert centroids[1] > 1.5 * centroids[0] and centroids[1] > 1.5 * centroids[2]
    first, last = made[:, :third].std(axis=1), made[:, -third:].std(axis=1)
    assert first[0] > first[1] and last[1] > last[0]


def test_an_impact_is_low_and_soon_over() -> None:
    blow = middle("impact", 2.0)
    assert share(blow, 20, 200) > 0.6
    levels = levels_db(blow, 0.2)
    assert levels.argmax() <= 2 and levels[-1] < levels.max() - 25


def test_a_siren_rises_and_falls_by_more_than_an_octave() -> None:
    frequencies, _, power = signal.spectrogram(middle("siren", 8.0), RATE_HZ, nperseg=8192)
    low = frequencies < 1500
    pitch = frequencies[low][power[low].argmax(axis=0)]
    assert pitch.max() / pitch.min() > 2


def test_birds_sing_high_and_crickets_higher_still() -> None:
    assert share(middle("birds"), 1500, 9000) > 0.95
    assert share(middle("crickets"), 3500, 5500) > 0.9


def test_people_murmur_where_voices_lie_without_a_pause() -> None:
    crowd = middle("crowd")
    assert share(crowd, 100, 4000) > 0.9
    assert np.ptp(levels_db(crowd, 0.5)) < 6


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("heavy rain on a roof with distant thunder", ["rain", "thunder"]),
        ("A storm", ["rain", "wind", "thunder"]),
        ("footsteps on gravel, birds chirping", ["steps", "birds"]),
        ("someone knocking on the door", ["knock"]),
        ("wind chimes", ["chimes"]),
        ("wind and chimes", ["wind", "chimes"]),
        ("a fire engine passing", ["siren"]),
        ("waves crash on the beach", ["sea"]),
        ("waves gently crash on the shore", ["sea"]),
        ("the rumbling engine of a car, then a car crash", ["engine", "impact"]),
        ("a car door slams", ["door"]),
        ("running water", ["stream"]),
        ("churches: bells", ["bell"]),
        ("rain, rain, rain", ["rain"]),
        ("rain, wind, birds, bells, clocks and doors", ["rain", "wind", "birds", "bell"]),
    ],
)
def test_words_choose_effects(words: str, names: list[str]) -> None:
    assert [wanted.effect.name for wanted in choose(words)] == names


def test_how_a_thing_is_said_to_be_is_about_that_thing_alone() -> None:
    rain, steps = choose("heavy distant rain and slow gentle footsteps")
    assert (rain.manner.strength, rain.manner.pace, rain.manner.distant) == (0.9, 1.0, True)
    assert (steps.manner.strength, steps.manner.distant) == (pytest.approx(0.15), False)
    assert steps.manner.pace < 1


def test_what_is_to_be_kept_away_is_left_out() -> None:
    assert [wanted.effect.name for wanted in choose("a storm", "thunder")] == ["rain", "wind"]
    with pytest.raises(UserError, match="which leaves no sound"):
        choose("rain", "rain")


def test_what_no_effect_makes_is_said_with_near_words_and_all_that_there_is() -> None:
    with pytest.raises(
        UserError, match=r"got 'footstps', which .*; did you mean footstep\? there are rain, wind"
    ):
        choose("footstps")
    with pytest.raises(UserError, match="names no sound effect; there are rain, wind"):
        choose("qqq")


def test_every_word_is_in_the_singular_and_in_small_letters() -> None:
    for effect in EFFECTS:
        assert effect.words and all(word == word.lower() and word.isascii() for word in effect.words)
        assert choose(effect.name)[0].effect == effect


def test_an_effect_sounds_the_same_in_a_mix_as_its_place_in_it_says() -> None:
    rain, thunder = choose("rain and thunder")
    both = render([rain, thunder], 2.0, 3)
    assert np.abs(both - render([rain], 2.0, 3)).max() > 0.01
    assert np.abs(both).max() <= 10 ** (PEAK_DB / 20)
