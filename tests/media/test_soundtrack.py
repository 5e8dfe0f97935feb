"""A film gets another sound, and its pictures and its length stay as they are."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from leitmotif.media.audio import iter_audio
from leitmotif.media.errors import EncodeFailed, MissingStream, NoSuchFile
from leitmotif.media.mux import write_video
from leitmotif.media.probe import probe
from leitmotif.media.soundtrack import check_soundtrack, lay_sound
from leitmotif.media.video import iter_luma

FPS, RATE_HZ = 10.0, 16_000


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = (np.full((48, 64, 3), 40 + 4 * number, np.uint8) for number in range(40))
    write_video(path, frames, np.zeros((2, 4 * 44_100), np.float32), fps=FPS)
    return path


def noise(path: Path, seconds: float, channels: int = 1) -> np.ndarray:
    samples = 0.2 * np.random.default_rng(0).standard_normal((channels, round(seconds * RATE_HZ)))
    soundfile.write(path, samples.T, RATE_HZ)
    return samples.astype(np.float32)


def packets(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as file:
        (stream,) = file.streams.video
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in file.demux(stream)
            if packet.size
        ]


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mov", "aac"), (".mkv", "flac")])
def test_pictures_are_copied_and_the_sound_begins_with_them(
    film: Path, tmp_path: Path, suffix: str, codec: str
) -> None:
    given = noise(tmp_path / "music.wav", 3.0)[0]
    out = tmp_path / f"out{suffix}"
    check_soundtrack(film, suffix)
    lay_sound(film, tmp_path / "music.wav", out, suffix)
    assert [data for _, data in packets(out)] == [data for _, data in packets(film)]
    assert [time for time, _ in packets(out)] == pytest.approx([time for time, _ in packets(film)], abs=1e-3)
    assert probe(out).audio_codec == codec
    assert probe(out).duration_s == pytest.approx(probe(film).duration_s, abs=0.01)
    assert next(iter_luma(out))[0] == pytest.approx(0.0, abs=1e-3)
    heard = np.concatenate([*iter_audio(out, rate_hz=RATE_HZ, channels=1)], axis=1)[0]
    alike = [float(heard[1000 + lag : 41000 + lag] @ given[1000:41000]) for lag in range(-500, 500)]
    assert abs(int(np.argmax(alike)) - 500) <= 16  # a millisecond
    assert np.abs(heard[round(3.1 * RATE_HZ) :]).max(initial=0.0) < 1e-3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_that_is_longer_than_the_film_is_cut(film: Path, tmp_path: Path, suffix: str) -> None:
    noise(tmp_path / "music.flac", 9.0, channels=2)
    lay_sound(film, tmp_path / "music.flac", tmp_path / f"out{suffix}", suffix)
    assert probe(tmp_path / f"out{suffix}").duration_s == pytest.approx(4.0, abs=0.03)
    lay_sound(tmp_path / f"out{suffix}", tmp_path / "music.flac", tmp_path / f"again{suffix}", suffix)
    assert [d for _, d in packets(tmp_path / f"again{suffix}")] == [d for _, d in packets(film)]


def test_a_film_of_the_web_gets_opus(tmp_path: Path) -> None:
    given = noise(tmp_path / "music.wav", 1.0)[0]
    source = tmp_path / "film.webm"
    with av.open(str(source), "w") as file:
        stream = file.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * number, np.uint8), "rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    lay_sound(source, tmp_path / "music.wav", tmp_path / "out.webm", ".webm")
    assert [d for _, d in packets(tmp_path / "out.webm")] == [d for _, d in packets(source)]
    heard = np.concatenate([*iter_audio(tmp_path / "out.webm", rate_hz=RATE_HZ, channels=1)], axis=1)[0]
    alike = [float(heard[1000 + lag : 13000 + lag] @ given[1000:13000]) for lag in range(-500, 500)]
    assert abs(int(np.argmax(alike)) - 500) <= 16


def test_what_a_container_does_not_hold_is_said_before_there_is_a_sound(film: Path, tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed, match=r"\(h264\) do not go into .webm as they are; choose .mkv"):
        check_soundtrack(film, ".webm")
    with pytest.raises(EncodeFailed, match=r"got a film ending in '.avi'; expected one of .mp4"):
        check_soundtrack(film, ".avi")
    noise(tmp_path / "music.wav", 1.0)
    with pytest.raises(MissingStream, match="has no video stream"):
        check_soundtrack(tmp_path / "music.wav", ".mp4")
    with pytest.raises(NoSuchFile):
        check_soundtrack(tmp_path / "nowhere.mp4", ".mp4")
    with pytest.raises(EncodeFailed):
        lay_sound(film, tmp_path / "music.wav", tmp_path / "out.webm", ".webm")
    assert not (tmp_path / "out.webm").exists()
