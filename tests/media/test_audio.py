from pathlib import Path

import numpy as np
import pytest
import soundfile

from leitmotif.media.audio import extract_flac, iter_audio, read_flac_blocks
from leitmotif.media.errors import DecodeFailed, NotMedia, Unreadable
from tests.media.media_clips import write_tone


def _tone(duration_s: float, rate_hz: int, channels: int = 2, level: float = 0.5) -> np.ndarray:
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.tile((level * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32), (channels, 1))


def _read(path: Path, **options: object) -> np.ndarray:
    return np.concatenate(list(iter_audio(path, **options)), axis=1)  # type: ignore[arg-type]


def test_samples_come_out_as_they_went_in(tmp_path: Path) -> None:
    tone = _tone(2.5, 44100)
    out = _read(write_tone(tmp_path / "tone.wav", tone))
    assert out.dtype == np.float32 and out.shape == tone.shape
    assert np.abs(out - tone).max() < 1e-4


@pytest.mark.parametrize("start", [0, 1, 30_001, 44_100])
@pytest.mark.parametrize(("name", "codec"), [("tone.wav", "pcm_s16le"), ("tone.flac", "flac")])
def test_a_window_is_cut_to_the_sample(tmp_path: Path, name: str, codec: str, start: int) -> None:
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 100_000)).astype(np.float32)
    path = write_tone(tmp_path / name, noise, codec=codec)
    out = _read(path, start_s=start / 44100, duration_s=10_000 / 44100)
    assert out.shape == (2, 10_000)
    assert np.abs(out - noise[:, start : start + 10_000]).max() < 1e-4


@pytest.mark.parametrize(("suffix", "codec"), [(".m4a", "aac"), (".mp3", "libmp3lame"), (".mp4", "ac3")])
def test_a_window_of_a_lossy_file_is_the_same_piece_of_the_whole(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(0, 0.02, (2, 6 * 44100)), axis=1)
    music = (0.5 * np.sin(walk)).astype(np.float32)
    path = write_tone(tmp_path / f"music{suffix}", music, codec=codec)
    whole = _read(path)
    piece = _read(path, start_s=3.0, duration_s=1.0)
    assert piece.shape == (2, 44100)
    # Decoders fill bands with noise of their own, so the samples are close and not the same.
    errors = [np.abs(piece[:, 9:-9] - whole[:, start : start + 44082]).mean() for start in _starts(3)]
    assert int(np.argmin(errors)) == 4 and errors[4] < 5e-3


def _starts(second: int) -> range:
    """Samples around a second; the exact one is in the middle."""
    return range(second * 44100 + 9 - 4, second * 44100 + 9 + 5)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 48000, 96000])
def test_every_rate_gives_the_same_tone_at_the_asked_rate(tmp_path: Path, rate_hz: int) -> None:
    path = write_tone(tmp_path / "tone.wav", _tone(2.0, rate_hz), rate_hz=rate_hz)
    out = _read(path, rate_hz=16000)
    assert out.shape[1] == pytest.approx(32000, abs=2)
    middle = slice(1000, 31000)
    assert np.abs(out[:, middle] - _tone(2.0, 16000)[:, : out.shape[1]][:, middle]).max() < 5e-3


def test_mono_keeps_its_level_in_stereo_and_back(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "mono.wav", _tone(1.0, 44100, channels=1), layout="mono")
    assert np.abs(_read(path) - _tone(1.0, 44100)).max() < 1e-4
    stereo = np.stack([_tone(1.0, 44100)[0], np.zeros(44100, np.float32)])
    path = write_tone(tmp_path / "left.wav", stereo)
    assert np.abs(_read(path, channels=1)[0] - stereo[0] / 2).max() < 1e-4


def test_six_channels_at_full_scale_do_not_clip(tmp_path: Path) -> None:
    loud = np.full((6, 44100), 0.99, np.float32)
    out = _read(write_tone(tmp_path / "surround.flac", loud, codec="flac", layout="5.1"))
    assert out.shape == (2, 44100)
    assert 0.9 < float(np.abs(out).max()) <= 1.0


def test_flac_is_written_whole_with_its_level_and_peak(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.wav", _tone(3.0, 48000), rate_hz=48000)
    facts = extract_flac(path, tmp_path / "out.flac")
    info = soundfile.info(tmp_path / "out.flac")
    assert (info.samplerate, info.channels, info.subtype) == (44100, 2, "PCM_16")
    assert info.frames / 44100 == facts.duration_s == pytest.approx(3.0, abs=1e-3)
    assert facts.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.05)
    assert facts.peak == pytest.approx(0.5, abs=0.005)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.flac", "tone.wav"]


def test_digital_silence_has_the_floor_level(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "silence.wav", np.zeros((2, 44100), np.float32))
    facts = extract_flac(path, tmp_path / "out.flac")
    assert (facts.level_db, facts.peak) == (-120.0, 0.0)


def test_a_failed_extraction_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.wav", _tone(1.0, 44100))
    with pytest.raises(DecodeFailed, match=r"ends at 1\.0 s, before the window at 5\.0 s"):
        extract_flac(path, tmp_path / "out.flac", start_s=5.0, duration_s=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["tone.wav"]


def test_a_window_may_reach_beyond_the_end(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.wav", _tone(2.0, 44100))
    assert _read(path, start_s=1.0, duration_s=10.0).shape == (2, 44100)


@pytest.mark.parametrize(("mono", "rate_hz"), [(True, None), (False, None), (True, 16000), (False, 48000)])
def test_flac_blocks_join_to_the_file(tmp_path: Path, mono: bool, rate_hz: int | None) -> None:
    path = tmp_path / "tone.flac"
    soundfile.write(path, _tone(3.3, 44100).T, 44100)
    out_hz = rate_hz or 44100
    blocks = list(read_flac_blocks(path, rate_hz=rate_hz, mono=mono, block_s=1.0))
    assert [block.shape[-1] for block in blocks[:-1]] == [out_hz] * 3
    joined = np.concatenate(blocks, axis=-1)
    assert joined.dtype == np.float32 and joined.ndim == (1 if mono else 2)
    expected = _tone(3.3, out_hz, channels=1 if mono else 2)
    assert joined.shape[-1] == pytest.approx(expected.shape[-1], abs=1)
    middle = slice(2000, -2000)
    assert np.abs(np.atleast_2d(joined)[:, middle] - expected[:, : joined.shape[-1]][:, middle]).max() < 5e-3


def test_flac_blocks_of_a_window(tmp_path: Path) -> None:
    path = tmp_path / "ramp.flac"
    soundfile.write(path, np.linspace(0, 0.9, 44100), 44100)
    (block,) = read_flac_blocks(path, mono=True, start_s=0.5, duration_s=0.25)
    assert len(block) == 11025
    assert block[0] == pytest.approx(0.45, abs=1e-3)


def test_flac_errors_are_clear(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no such file"):
        next(read_flac_blocks(tmp_path / "nothing.flac"))
    (tmp_path / "text.flac").write_text("hello")
    with pytest.raises(NotMedia, match="no readable FLAC"):
        next(read_flac_blocks(tmp_path / "text.flac"))


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="channels is 3"):
        next(iter_audio(tmp_path / "x.wav", channels=3))
    with pytest.raises(ValueError, match="duration_s is 0"):
        next(iter_audio(tmp_path / "x.wav", duration_s=0))
