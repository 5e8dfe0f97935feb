"""Films are joined packet by packet, and windows are cut to the frame and to the sample."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from leitmotif.media.audio import iter_audio
from leitmotif.media.errors import EncodeFailed, MissingStream
from leitmotif.media.mux import join_streams, write_video
from leitmotif.media.video import iter_luma
from leitmotif.media.window import cut_window

FPS, RATE_HZ, HZ = 10.0, 44100, 441.0


def level(number: int) -> int:
    """The grey of a frame of `film`; each is another one."""
    return 40 + 4 * number


def tone(duration_s: float) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * HZ * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)
    return np.stack([wave, wave]).astype(np.float32)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = (np.full((48, 64, 3), level(number), np.uint8) for number in range(40))
    write_video(path, frames, tone(4.0), fps=FPS)
    return path


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as file:
        return [
            bytes(packet)
            for packet in file.demux(next(s for s in file.streams if s.type == kind))
            if packet.size
        ]


def sound(path: Path, codec: str, samples: np.ndarray | None = None) -> Path:
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray((tone(4.0) if samples is None else samples)[:1, : 960 * 150]), "fltp", "mono"
        )
        frame.sample_rate, frame.pts = 48000, 0
        resampler = av.AudioResampler(stream.codec_context.format, "mono", 48000, 960)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("name", "codec"), [("s.flac", "flac"), ("s.webm", "libopus"), ("s.m4a", "aac")])
def test_picture_and_sound_come_unchanged_out_of_a_joined_film(
    film: Path, tmp_path: Path, name: str, codec: str
) -> None:
    noise = 0.2 * np.random.default_rng(0).standard_normal((1, 144_000), np.float32)
    heard = sound(tmp_path / name, codec, noise)
    join_streams(film, heard, tmp_path / "joined.mkv")
    assert packets(tmp_path / "joined.mkv", "video") == packets(film, "video")
    assert packets(tmp_path / "joined.mkv", "audio") == packets(heard, "audio")
    # Where AAC starts up before its first sample, the picture waits for as long.
    late_s = next(iter_luma(tmp_path / "joined.mkv"))[0]
    assert late_s == pytest.approx(1024 / 48000 if codec == "aac" else 0.0, abs=1e-3)
    blocks = iter_audio(tmp_path / "joined.mkv", rate_hz=48000, channels=1, start_s=late_s)
    after = np.concatenate([*blocks], axis=1)[0]
    alike = [float(after[5000 + lag : 45000 + lag] @ noise[0, 5000:45000]) for lag in range(-1500, 1500)]
    assert abs(int(np.argmax(alike)) - 1500) <= 48  # a millisecond, in which Matroska counts


def test_reordered_pictures_of_a_matroska_file_are_joined_again(film: Path, tmp_path: Path) -> None:
    heard = sound(tmp_path / "s.flac", "flac")
    join_streams(film, heard, tmp_path / "once.mkv")
    join_streams(tmp_path / "once.mkv", heard, tmp_path / "twice.mkv")
    assert packets(tmp_path / "twice.mkv", "video") == packets(film, "video")
    times = [[time_s for time_s, _ in iter_luma(path)] for path in (tmp_path / "twice.mkv", film)]
    assert times[0] == pytest.approx(times[1], abs=1e-3)


def test_a_file_without_its_stream_is_not_joined_and_leaves_nothing(film: Path, tmp_path: Path) -> None:
    heard = sound(tmp_path / "s.flac", "flac")
    with pytest.raises(MissingStream):
        join_streams(heard, film, tmp_path / "joined.mkv")
    assert not (tmp_path / "joined.mkv").exists()


@pytest.mark.parametrize(
    ("start_s", "end_s", "numbers"),
    [(1.5, 3.0, range(15, 30)), (1.55, 2.0, range(16, 20)), (3.5, 9.0, range(35, 40))],
)
def test_a_window_holds_the_frames_and_the_samples_in_it(
    film: Path, tmp_path: Path, start_s: float, end_s: float, numbers: range
) -> None:
    cut_window(film, tmp_path / "w.mkv", start_s=start_s, end_s=end_s, has_video=True)
    seen = [(time_s, float(luma.mean())) for time_s, luma in iter_luma(tmp_path / "w.mkv")]
    whole = {round(time_s * FPS): float(luma.mean()) for time_s, luma in iter_luma(film)}
    assert [time_s for time_s, _ in seen] == pytest.approx([n / FPS - start_s for n in numbers], abs=1e-3)
    assert [shade for _, shade in seen] == pytest.approx([whole[n] for n in numbers], abs=1.0)
    heard = np.concatenate([*iter_audio(tmp_path / "w.mkv", channels=1)], axis=1)[0]
    assert len(heard) == pytest.approx(
        (min(end_s, 4.0) - start_s) * RATE_HZ, abs=1100
    )  # AAC ends in a whole frame
    time_s = start_s + np.arange(len(heard)) / RATE_HZ
    truth = 0.5 * np.sin(2 * np.pi * HZ * time_s)
    assert np.abs(heard - truth)[100 : round(0.4 * RATE_HZ)].max() < 0.03


@pytest.mark.parametrize(("name", "codec"), [("s.webm", "libopus"), ("s.m4a", "aac"), ("s.wav", "pcm_s24le")])
def test_a_window_of_sound_is_cut_to_the_sample(tmp_path: Path, name: str, codec: str) -> None:
    whole = sound(tmp_path / name, codec)
    cut_window(whole, tmp_path / "w.flac", start_s=0.7, end_s=2.0, has_video=False)
    with av.open(str(tmp_path / "w.flac")) as file:
        stream = file.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("flac", 48000, 1)
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(stream)]) / 2.0**31
    assert len(heard) == round(1.3 * 48000)
    # The tone was written as samples at 44.1 kHz and is said to have 48,000 of them a second.
    truth = 0.5 * np.sin(2 * np.pi * HZ * 48000 / RATE_HZ * (0.7 + np.arange(len(heard)) / 48000))
    assert np.abs(heard - truth).max() < (1e-6 if codec.startswith("pcm") else 0.03)


def test_a_turned_film_is_cut_upright_and_is_not_turned_again(film: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    with av.open(str(turned), "w") as file:
        stream = file.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:, :32] = 200  # the left half, which a turn to the right brings to the top
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    data = turned.read_bytes()
    straight = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    right = np.array([0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    at = data.index(straight, data.index(b"tkhd"))
    turned.write_bytes(data[:at] + right + data[at + len(right) :])
    cut_window(turned, tmp_path / "w.mkv", start_s=0.2, end_s=0.6, has_video=True)
    lumas = [luma for _, luma in iter_luma(tmp_path / "w.mkv")]
    assert len(lumas) == 4 and lumas[0].shape == (64, 48)
    assert lumas[0][:28].mean() > 150 and lumas[0][36:].mean() < 30


def test_a_picture_of_odd_size_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "odd.avi"), "w") as file:
        stream = file.add_stream("ffv1", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 63, 48, "yuv444p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 63, 3), np.uint8), "rgb24").reformat(
                format="yuv444p"
            )
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with pytest.raises(EncodeFailed, match=r"the picture is 63x48; H\.264 wants even numbers"):
        cut_window(tmp_path / "odd.avi", tmp_path / "w.mkv", start_s=0.0, end_s=0.5, has_video=True)
    assert not (tmp_path / "w.mkv").exists()
