"""What is written of a sound can be heard: DC, opposite phase, samples beyond full scale, no numbers."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from leitmotif.filters.basics import RULES
from leitmotif.media.audio import AudioFacts, extract_flac, read_flac_blocks
from leitmotif.media.errors import DecodeFailed
from tests.media.media_clips import write_tone

RATE_HZ = 44100
SILENCE = next(rule for rule in RULES if rule.name == "silence")
RNG = np.random.default_rng(3)


def _music(length_s: float = 3.0, level: float = 0.3) -> np.ndarray:
    """float64 (n,): two tones that swell."""
    t = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    return level * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(3 * t)) + level / 4 * np.sin(
        2 * np.pi * 331 * t
    )


def _written(tmp_path: Path, left: np.ndarray, right: np.ndarray) -> tuple[AudioFacts, np.ndarray]:
    """The facts and the samples (2, n) that are written of a 32-bit float file."""
    soundfile.write(tmp_path / "in.wav", np.stack([left, right], axis=1), RATE_HZ, subtype="FLOAT")
    facts = extract_flac(tmp_path / "in.wav", tmp_path / "out.flac")
    samples, _ = soundfile.read(tmp_path / "out.flac")
    return facts, samples.T


def _distance(samples: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(samples - expected).max())


def _mono(tmp_path: Path) -> np.ndarray:
    """What the stages that hear one channel hear."""
    return np.concatenate(list(read_flac_blocks(tmp_path / "out.flac", mono=True)))


def test_stereo_in_opposite_phase_is_heard_as_if_it_were_in_phase(tmp_path: Path) -> None:
    music = _music()
    facts, samples = _written(tmp_path, music, -music)
    assert _distance(_mono(tmp_path), music) < 1e-4
    assert _distance(samples, np.stack([music, music])) < 1e-4
    assert facts.inverted


def test_a_channel_inverted_in_part_is_heard(tmp_path: Path) -> None:
    music = _music()
    facts, _ = _written(tmp_path, music, -0.5 * music + 0.02 * RNG.standard_normal(len(music)))
    assert np.std(_mono(tmp_path)) > 0.7 * np.std(music)
    assert facts.inverted


@pytest.mark.parametrize("kind", ["in phase", "dead", "wide", "unlike"])
def test_stereo_that_can_be_heard_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    left, side = _music(), 0.3 * np.roll(_music(), 5000)
    right = {"in phase": left, "dead": 0 * left, "wide": 0.4 * left - side, "unlike": side}[kind]
    facts, samples = _written(tmp_path, left, right)
    assert (facts.inverted, facts.dc) == (False, 0.0)
    assert _distance(samples, np.stack([left, right])) < 1e-4


@pytest.mark.parametrize("jumps", [False, True])
def test_a_constant_is_silence_however_far_from_zero(tmp_path: Path, jumps: bool) -> None:
    constant = np.full(4 * RATE_HZ, 0.3)
    if jumps:
        constant[2 * RATE_HZ :] = -0.1
    facts, _ = _written(tmp_path, constant, constant)
    assert facts.level_db < SILENCE.threshold
    assert facts.dc == pytest.approx(0.1 if jumps else 0.3, abs=1e-3)


def test_music_on_top_of_dc_is_written_and_measured_without_it(tmp_path: Path) -> None:
    music = _music()
    clean, _ = _written(tmp_path, music, music)
    facts, samples = _written(tmp_path, music + 0.2, music - 0.1)
    assert facts.dc == pytest.approx(0.2, abs=1e-3)
    assert facts.level_db == pytest.approx(clean.level_db, abs=0.01)
    assert facts.peak == pytest.approx(clean.peak, abs=1e-3)
    assert _distance(samples, np.stack([music, music])) < 1e-3


@pytest.mark.parametrize("scale", [1.2, 6.5, 32768.0])
def test_samples_beyond_full_scale_are_scaled_not_flattened(tmp_path: Path, scale: float) -> None:
    music = _music(level=0.8)
    music /= np.abs(music).max()
    facts, samples = _written(tmp_path, scale * music, 0.5 * scale * music)
    assert facts.peak == pytest.approx(scale, rel=1e-2)
    assert _distance(samples, np.stack([music, 0.5 * music])) < 2e-2
    assert np.corrcoef(samples[0], music)[0, 1] > 0.99999
    assert facts.level_db == pytest.approx(10 * np.log10(np.square(samples).mean()), abs=0.01)


def test_sound_at_full_scale_is_left_alone(tmp_path: Path) -> None:
    music = _music()
    music /= np.abs(music).max()
    facts, samples = _written(tmp_path, music, music)
    assert facts.peak == pytest.approx(1.0, abs=1e-6)
    assert _distance(samples, np.stack([music, music])) < 1e-4


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    music = _music()
    broken = music.copy()
    broken[1000:1100], broken[2000:2050], broken[3000] = np.nan, np.inf, -np.inf
    _, samples = _written(tmp_path, broken, broken)
    hurt = ~np.isfinite(broken)
    assert np.abs(samples[:, hurt]).max() < 1e-3
    assert _distance(samples[:, ~hurt], np.stack([music, music])[:, ~hurt]) < 1e-4


ONES = np.ones(RATE_HZ)
SIGNS = np.sign(RNG.standard_normal(RATE_HZ))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (ONES * np.inf, "100% of the samples of 'in.wav' are not finite"),
        (SIGNS * np.inf, "100% of the samples of 'in.wav' are not finite"),
        (ONES * np.nan, "100% of the samples of 'in.wav' are not finite"),
        (np.where(np.arange(RATE_HZ) % 20, 0.1, np.nan), "5% of the samples of 'in.wav' are not finite"),
        (SIGNS * 3e38, "'in.wav' go beyond full scale by 770 dB"),
        (ONES * 3e38, "'in.wav' go beyond full scale by 770 dB"),
        (ONES * -1e30, "'in.wav' go beyond full scale by 600 dB"),
        (np.where(np.arange(RATE_HZ) == 7, 1e20, 0.1), "'in.wav' go beyond full scale by 400 dB"),
    ],
)
def test_samples_that_no_sound_has_are_refused(tmp_path: Path, samples: np.ndarray, said: str) -> None:
    with pytest.raises(DecodeFailed, match=said):
        _written(tmp_path, samples, samples)
    assert not (tmp_path / "out.flac").exists()


def test_doubles_beyond_what_floats_hold_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.full((RATE_HZ, 2), 1e308), RATE_HZ, subtype="DOUBLE")
    with pytest.raises(DecodeFailed, match="not finite"):
        extract_flac(tmp_path / "in.wav", tmp_path / "out.flac")


@pytest.mark.parametrize("gain_db", [6.0, 24.0, 90.0, 187.0])
def test_floats_over_full_scale_are_still_sound(tmp_path: Path, gain_db: float) -> None:
    music = _music() / 0.3
    facts, samples = _written(tmp_path, music * 10 ** (gain_db / 20), music * 10 ** (gain_db / 20))
    assert -12 < facts.level_db < 0 and np.isfinite(facts.peak)
    assert _distance(samples, np.stack([music, music]) / np.abs(music).max()) < 1e-4


@pytest.mark.parametrize(("level_db", "heard"), [(-57.0, True), (-63.0, False)])
def test_very_quiet_music_is_judged_by_its_own_level(tmp_path: Path, level_db: float, heard: bool) -> None:
    music = _music()
    music *= 10 ** (level_db / 20) / np.sqrt(np.square(music).mean())
    facts, samples = _written(tmp_path, music + 0.05, music + 0.05)
    assert facts.level_db == pytest.approx(level_db, abs=0.1)
    assert (facts.level_db >= SILENCE.threshold) == heard
    assert np.corrcoef(samples[0], music)[0, 1] > 0.99


def test_a_voice_in_the_centre_of_surround_sound_is_heard_in_both_channels(tmp_path: Path) -> None:
    voice = np.zeros((6, 3 * RATE_HZ), np.float32)
    voice[2] = _music()  # front left, front right, front centre, …
    facts = extract_flac(
        write_tone(tmp_path / "voice.flac", voice, codec="flac", layout="5.1"), tmp_path / "out.flac"
    )
    left, right = soundfile.read(tmp_path / "out.flac")[0].T
    assert _distance(left, right) < 1e-4
    # -3 dB of the centre, over the sum of what may meet in one channel (1 + 0.707 + 0.707).
    assert np.std(left) == pytest.approx(np.std(voice[2]) * 0.707 / 2.414, rel=0.02)
    assert facts.level_db > SILENCE.threshold
