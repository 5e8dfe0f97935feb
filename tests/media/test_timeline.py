"""Lengths are what decoding gives, whatever headers and bit rates say."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from leitmotif.media.audio import iter_audio
from leitmotif.media.errors import DecodeFailed
from leitmotif.media.probe import probe
from leitmotif.media.video import iter_frames
from tests.media.media_clips import write_tone, write_video

RATE_HZ = 44100
FRAME_S = 0.05  # of the codecs below at most (AAC 23 ms, MP3 26 ms, AC-3 35 ms, AMR 20 ms)


def _quiet_then_loud(length_s: float, *, rate_hz: int = RATE_HZ, channels: int = 2) -> np.ndarray:
    """A third of silence, so that the bit rate at the start says nothing of the rest."""
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (channels, round(length_s * rate_hz)))
    noise[:, : noise.shape[1] // 3] = 0
    return noise.astype(np.float32)


def _decoded_s(path: Path, **window: float) -> float:
    return sum(block.shape[1] for block in iter_audio(path, **window)) / RATE_HZ  # type: ignore[arg-type]


def _rewrite(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _flac_that_says(path: Path, length_s: float, said_s: float) -> Path:
    data = bytearray(write_tone(path, _quiet_then_loud(length_s), codec="flac").read_bytes())
    data[21] &= 0xF0  # STREAMINFO: the total samples are the 36 bits before the MD5
    data[22:26] = struct.pack(">I", round(said_s * RATE_HZ))
    return _rewrite(path, bytes(data))


def _encoded(path: Path, codec: str, container_format: str, options: dict[str, str]) -> Path:
    noise = _quiet_then_loud(10.0)
    with av.open(str(path), "w", format=container_format, options=options) as container:
        stream = container.add_stream(codec, rate=RATE_HZ, layout="stereo")
        if codec == "libmp3lame":
            stream.codec_context.qscale = True
            stream.codec_context.global_quality = 2 * 118  # FF_QP2LAMBDA: varying bit rate
        size = 1152 if codec == "libmp3lame" else 1536
        for start in range(0, noise.shape[1], size):
            piece = np.ascontiguousarray(noise[:, start : start + size])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE_HZ, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _ogg(path: Path, *lengths_s: float, subtype: str = "VORBIS") -> Path:
    links = []
    for length_s in lengths_s:
        soundfile.write(
            path, _quiet_then_loud(length_s, rate_hz=48000).T, 48000, format="OGG", subtype=subtype
        )
        links.append(path.read_bytes())
    return _rewrite(path, b"".join(links))


def _twice(path: Path, codec: str) -> Path:
    data = write_tone(path, _quiet_then_loud(5.0), codec=codec).read_bytes()
    return _rewrite(path, data + data)


FILES = {
    "raw AAC": lambda at: write_tone(at / "a.aac", _quiet_then_loud(10.0), codec="aac"),
    "MP3 of varying bit rate without a length": lambda at: _encoded(
        at / "a.mp3", "libmp3lame", "mp3", {"write_xing": "0"}
    ),
    "MP3 twice": lambda at: _twice(at / "a.mp3", "libmp3lame"),
    "AC-3": lambda at: write_tone(at / "a.ac3", _quiet_then_loud(10.0), codec="ac3"),
    "FLAC without a length": lambda at: _flac_that_says(at / "a.flac", 10.0, 0.0),
    "FLAC that says half": lambda at: _flac_that_says(at / "a.flac", 10.0, 5.0),
    "FLAC twice": lambda at: _twice(at / "a.flac", "flac"),
    "live Matroska": lambda at: _encoded(at / "a.mkv", "ac3", "matroska", {"live": "1"}),
    "MPEG-TS": lambda at: write_tone(at / "a.ts", _quiet_then_loud(10.0), codec="aac"),
    "MPEG-TS twice": lambda at: _twice(at / "a.ts", "aac"),
    "MPEG-PS twice": lambda at: _twice(at / "a.mpg", "mp2"),
    "chained Ogg Vorbis": lambda at: _ogg(at / "a.ogg", 7.0, 3.0),
    "chained Ogg Opus": lambda at: _ogg(at / "a.opus", 3.0, 7.0, subtype="OPUS"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_as_long_as_what_is_decoded(tmp_path: Path, kind: str) -> None:
    path = FILES[kind](tmp_path)
    length_s = probe(path).duration_s
    assert length_s == pytest.approx(10.0, abs=0.1)
    assert _decoded_s(path) == pytest.approx(length_s, abs=FRAME_S)
    assert _decoded_s(path, start_s=8.5, duration_s=1.0) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("length_s", [0.5, 2.5, 3.0])
def test_vorbis_whose_last_packet_is_cut_away_has_its_length(tmp_path: Path, length_s: float) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, 0.3 * np.sin(np.arange(round(length_s * 8000)) * 0.3), 8000)
    with av.open(str(path)) as container:
        lengths = [packet.duration for packet in container.demux() if packet.size]
    assert lengths[-1] > 1 << 31  # FFmpeg's word for a length below zero; else this test shows nothing
    assert probe(path).duration_s == pytest.approx(length_s, abs=0.05)
    assert _decoded_s(path) == pytest.approx(length_s, abs=0.1)  # as FFmpeg decodes it


def test_two_recordings_in_one_film_are_seen_one_after_the_other(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.ts", [np.full((32, 32), 4 * i, np.uint8) for i in range(50)])
    _rewrite(film, 2 * film.read_bytes())
    assert probe(film).duration_s == pytest.approx(4.0, abs=0.05)
    times_s = [time_s for time_s, _ in iter_frames(film)]
    assert times_s == pytest.approx([i / 25 for i in range(100)], abs=1e-3)
    assert [round(time_s, 2) for time_s, _ in iter_frames(film, start_s=2.5, duration_s=0.1)] == [
        2.52,
        2.56,
    ]


def test_a_flac_file_cut_short_is_an_error(tmp_path: Path) -> None:
    cut = _flac_that_says(tmp_path / "a.flac", 10.0, 20.0)
    with pytest.raises(DecodeFailed, match=r"only 10\.0 s of 20\.0 s"):
        _decoded_s(cut)


def _matroska(path: Path, *, start_s: float = 0.0) -> Path:
    sound = write_tone(path.with_suffix(".wav"), _quiet_then_loud(10.0))
    with av.open(str(sound)) as given, av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.dts is not None:
                packet.pts = packet.dts = packet.pts + round(start_s / packet.time_base)
                packet.stream = stream
                container.mux(packet)
    return path


@pytest.mark.parametrize("said_s", [3600.0, 2.0])
def test_a_matroska_header_that_was_left_wrong_is_not_believed(tmp_path: Path, said_s: float) -> None:
    path = _matroska(tmp_path / "a.mkv")
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # Duration, a float of 8 bytes, in milliseconds
    data[at : at + 8] = struct.pack(">d", said_s * 1000)
    length_s = probe(_rewrite(path, bytes(data))).duration_s
    assert length_s == pytest.approx(10.0, abs=FRAME_S)
    assert _decoded_s(path, start_s=length_s - 3, duration_s=3.0) == pytest.approx(3.0, abs=FRAME_S)


def test_matroska_that_begins_late_is_as_long_as_it_sounds(tmp_path: Path) -> None:
    path = _matroska(tmp_path / "a.mkv", start_s=100.0)
    assert probe(path).duration_s == pytest.approx(10.0, abs=FRAME_S)
    assert _decoded_s(path) == pytest.approx(10.0, abs=FRAME_S)


def test_matroska_that_broke_off_is_as_long_as_it_was(tmp_path: Path) -> None:
    data = _matroska(tmp_path / "a.mkv").read_bytes()
    path = _rewrite(tmp_path / "b.mkv", data[: len(data) // 2])
    assert probe(path).duration_s == pytest.approx(10.0, abs=FRAME_S)
    with pytest.raises(DecodeFailed):
        _decoded_s(path)
