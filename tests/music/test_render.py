import numpy as np
import pytest

from leitmotif.music import degradations
from leitmotif.music.moods import MOODS, moods_near
from leitmotif.music.render import MusicTruth, render_music, silence_or_noise
from leitmotif.music.sampler import play_samples
from leitmotif.music.score import MAJOR_KEYS, MINOR_KEYS, Note
from leitmotif.music.singing import KINDS
from leitmotif.music.sounds import INSTRUMENTS, SOUNDS
from leitmotif.music.styles import GENRES
from leitmotif.music.voice import render_voice

RATE_HZ = 16000


def onset_strength(mono: np.ndarray, rate_hz: int, hop: int = 160) -> np.ndarray:
    """Rise of the log spectrum, a value every ``hop`` samples."""
    frames = np.lib.stride_tricks.sliding_window_view(mono, 512)[::hop] * np.hanning(512)
    bands = np.log1p(100 * np.abs(np.fft.rfft(frames, axis=1)))
    return np.maximum(np.diff(bands, axis=0), 0).sum(axis=1)


def chroma(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    """Energy of the twelve pitch classes between 80 and 1200 Hz."""
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)))) ** 2
    hz = np.fft.rfftfreq(len(mono), 1 / rate_hz)
    kept = (hz > 80) & (hz < 1200)
    classes = np.round(69 + 12 * np.log2(hz[kept] / 440)).astype(int) % 12
    return np.bincount(classes, weights=spectrum[kept], minlength=12)


def test_the_same_seed_gives_the_same_bytes():
    first, second = render_music(5, duration_s=3, vocals=True), render_music(5, duration_s=3, vocals=True)
    assert first.mix.tobytes() == second.mix.tobytes()
    assert first.voice is not None and second.voice is not None
    assert first.voice.tobytes() == second.voice.tobytes()
    assert first.truth == second.truth
    assert silence_or_noise(5, 1.0).tobytes() == silence_or_noise(5, 1.0).tobytes()


def test_other_seeds_give_other_music():
    clips = [
        render_music(seed, duration_s=2, rate_hz=RATE_HZ, instruments=["piano"], solo=True)
        for seed in (1, 2, 3)
    ]
    for a, b in ((0, 1), (1, 2), (0, 2)):
        left, right = clips[a].mix.ravel(), clips[b].mix.ravel()
        assert abs(np.dot(left, right)) < 0.7 * np.linalg.norm(left) * np.linalg.norm(right)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("genre", ["electronic", "rock"])
def test_the_tempo_is_the_period_of_the_onsets(genre, seed):
    label = "drum machine" if genre == "electronic" else "drums"
    music = next(
        clip
        for step in range(50)
        if (
            clip := render_music(
                seed + 100 * step,
                duration_s=12,
                rate_hz=RATE_HZ,
                genre=genre,
                instruments=[label],
                solo=True,
                vocals=False,
                degraded=False,
            )
        ).truth.tempo_bpm
    )
    strength = onset_strength(music.mix.mean(axis=0), RATE_HZ)
    strength = strength - strength.mean()
    periodic = np.correlate(strength, strength, "full")[len(strength) - 1 :]
    bar_frames = 4 * 60 / music.truth.tempo_bpm * RATE_HZ / 160

    def strongest(frames: float) -> float:
        return float(periodic[round(frames) - 2 : round(frames) + 3].max())

    assert strongest(bar_frames) > 1.5 * max(strongest(bar_frames * 0.955), strongest(bar_frames * 1.045))


@pytest.mark.parametrize("seed", range(6))
def test_the_pitches_of_the_key_dominate(seed):
    music = render_music(
        seed,
        duration_s=8,
        rate_hz=RATE_HZ,
        genre="folk",
        solo=False,
        vocals=False,
        degraded=False,
        instruments=["piano"],
    )
    assert music.truth.key is not None
    tonic, mode = music.truth.key.split()
    steps = (0, 2, 4, 5, 7, 9, 11) if mode == "major" else (0, 2, 3, 5, 7, 8, 10)
    names = MAJOR_KEYS if mode == "major" else MINOR_KEYS
    wanted = {(names.index(tonic) + step) % 12 for step in steps}
    energy = chroma(music.mix.mean(axis=0), RATE_HZ)
    # The whole mix may be tuned up to half a semitone away, so the best of the neighbouring readings counts.
    assert max(sum(np.roll(energy, move)[list(wanted)]) / energy.sum() for move in (-1, 0, 1)) > 0.75


def test_without_damage_the_mix_is_the_instruments_and_the_voice():
    for seed in range(12):
        music = render_music(seed, duration_s=3, rate_hz=RATE_HZ, solo=True, vocals=True, degraded=False)
        assert music.truth.instruments == () and music.truth.vocals
        assert music.voice is not None
        rest = np.sqrt(np.mean((music.mix - music.voice) ** 2)) / np.sqrt(np.mean(music.mix**2))
        assert rest < 0.003  # nothing but hiss 55 dB down
    song = render_music(3, duration_s=3, rate_hz=RATE_HZ, solo=False, vocals=True, degraded=False)
    assert song.voice is not None and song.truth.instruments
    assert np.std(song.mix - song.voice) > 0.02 * np.std(song.mix)


def test_clips_without_a_voice_have_no_voice_stem():
    music = render_music(1, duration_s=2, rate_hz=RATE_HZ, vocals=False)
    assert music.voice is None and music.truth.vocals == ()


@pytest.mark.parametrize("name", degradations.DEGRADATIONS)
def test_a_higher_degree_damages_more(name):
    clean = render_music(8, duration_s=3, rate_hz=RATE_HZ, solo=False, degraded=False, vocals=False).mix

    def error(degree: float) -> float:
        broken = degradations.damage(clean, np.random.default_rng(4), RATE_HZ, name, degree)
        gain = np.vdot(broken, clean) / np.vdot(broken, broken)
        return float(np.std(gain * broken - clean) / np.std(clean))

    assert error(0.95) > error(0.2)


def test_the_truth_names_the_damage():
    clean = render_music(2, duration_s=2, rate_hz=RATE_HZ, degraded=False).truth
    broken = render_music(2, duration_s=2, rate_hz=RATE_HZ, degraded=True).truth
    assert (clean.degradation, clean.degree) == (None, 0.0)
    assert broken.degradation in degradations.DEGRADATIONS and 0.2 <= broken.degree <= 1


@pytest.mark.parametrize("label", INSTRUMENTS)
def test_every_instrument_plays_alone_and_is_listed(label):
    for seed in (1, 2):
        music = render_music(
            seed, duration_s=2, rate_hz=RATE_HZ, instruments=[label], solo=True, vocals=False, degraded=False
        )
        assert music.truth.instruments == (label,)
        assert np.sqrt(np.mean(music.mix**2)) > 1e-3


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_renders_and_stays_in_range(genre):
    for seed in (0, 1):
        music = render_music(seed, duration_s=4, rate_hz=RATE_HZ, genre=genre, solo=False)
        assert music.mix.shape == (2, 4 * RATE_HZ) and music.mix.dtype == np.float32
        assert np.isfinite(music.mix).all() and np.abs(music.mix).max() <= 1
        assert music.truth.genre == genre and len(music.truth.instruments) >= 2
        assert music.truth.tempo_bpm is not None and 60 <= music.truth.tempo_bpm <= 180
        assert music.truth.moods


def test_a_mood_asked_for_is_the_mood_of_the_clip():
    music = render_music(0, duration_s=2, rate_hz=RATE_HZ, solo=False, valence=-0.7, arousal=-0.5)
    assert music.truth.moods[0] == "sad"
    assert set(moods_near(0.2, -0.5)) <= set(MOODS)


def test_requests_that_cannot_be_met_are_refused():
    with pytest.raises(LookupError, match="piano"):
        render_music(0, instruments=["kazoo"])
    with pytest.raises(LookupError, match="ambient"):
        render_music(0, genre="polka")
    with pytest.raises(ValueError, match="at least"):
        render_music(0, duration_s=0.1)
    with pytest.raises(LookupError, match="hum"):
        degradations.damage(np.zeros((2, 100), np.float32), np.random.default_rng(0), RATE_HZ, "rust", 1.0)


def test_sampled_instruments_are_in_tune():
    for label in ("violin", "trumpet", "acoustic guitar", "flute", "piano"):
        for program in SOUNDS[label].programs:
            tone = play_samples(
                [Note(0.0, 1.0, 69, 100)], program=program, drums=False, samples=RATE_HZ, rate_hz=RATE_HZ
            ).mean(axis=0)[RATE_HZ // 8 :]
            spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), 65536)) ** 2
            near = np.fft.rfftfreq(65536, 1 / RATE_HZ)
            harmonic = (near[spectrum.argmax()] / 440) % 1
            assert min(harmonic, 1 - harmonic) < 0.02, program


@pytest.mark.parametrize("kind", KINDS)
def test_voices_are_audible_and_those_that_sing_follow_the_melody(kind):
    notes = [Note(0.1, 1.8, 57, 100)]
    sound = render_voice(kind, notes, np.random.default_rng(1), samples=2 * RATE_HZ, rate_hz=RATE_HZ)
    assert np.abs(sound).max() == pytest.approx(1.0, abs=1e-5)
    if kind in ("male vocals", "female vocals"):
        part = sound[0, RATE_HZ // 2 : RATE_HZ + RATE_HZ // 2]
        repeats = np.correlate(part, part, "full")[len(part) - 1 :]
        lag = 20 + int(repeats[20:200].argmax())
        assert RATE_HZ / lag == pytest.approx(220, rel=0.04)


def test_noise_clips_are_finite_and_differ_in_level():
    levels = []
    for seed in range(30):
        sound = silence_or_noise(seed, 1.0, RATE_HZ)
        assert sound.shape == (2, RATE_HZ) and np.isfinite(sound).all() and np.abs(sound).max() <= 1
        levels.append(20 * np.log10(np.std(sound)))
    assert min(levels) < -60 and max(levels) > -30


def test_truth_is_comparable():
    assert isinstance(render_music(0, duration_s=1, rate_hz=RATE_HZ).truth, MusicTruth)
