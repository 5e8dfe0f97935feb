"""Files that are broken, strange or named badly: each gives a clear reason, or simply works."""

import os
from pathlib import Path

import numpy as np
import pytest

from leitmotif.media.audio import extract_flac
from leitmotif.media.errors import MediaError, MissingStream, NotMedia, Unreadable
from leitmotif.media.key_frames import key_frames
from leitmotif.media.probe import probe
from leitmotif.media.video import iter_luma
from tests.media.media_clips import write_video


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><title>404</title></html>", "web page"),
        (b"just a few words\n" * 20, "text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"PK\x03\x04" + b"\0" * 100, "zip"),
        (b"\0" * 5000, "zeros"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x00\xff\xffmdat" + b"x" * 500, "moov"),
        (b"RIFF\x24\0\0\0WAVE", "broken"),
        (bytes(range(256)) * 40, "not a video or audio container"),
    ],
)
def test_a_file_that_is_no_media_says_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises((NotMedia, Unreadable)) as caught:
        probe(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_of_a_text_nobody_is_told_to_download_it_again(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("just a few words\n" * 20)
    with pytest.raises(NotMedia) as caught:
        probe(tmp_path / "notes.txt")
    assert str(caught.value).endswith("expected a video or audio file")


def test_a_playlist_never_opens_other_files(tmp_path: Path) -> None:
    write_video(tmp_path / "real.ts", [np.zeros((32, 32), np.uint8)] * 3)
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(NotMedia, match="playlist"):
        probe(playlist)


def test_a_missing_file_a_folder_and_a_pipe_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path, words in (
        (tmp_path / "nothing.mp4", "no such file"),
        (tmp_path, "a directory"),
        (tmp_path / "pipe.mp4", "not a regular file but a named pipe"),
        (Path("/dev/null"), "a device"),
    ):
        with pytest.raises(Unreadable, match=words):
            probe(path)


@pytest.mark.parametrize(
    "name", ["-i.mp4", "a b'c\"d.mp4", "new\nline.mp4", "emoji 🎵.mp4", "concat:a|b.mp4", "frame%03d.mp4"]
)
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_video(path, [np.full((32, 48), level, np.uint8) for level in (50, 100, 150)])
    assert probe(path).width == 48
    assert len(list(iter_luma(path))) == 3
    assert len(key_frames(path)) == 3


def test_a_relative_name_with_a_leading_dash_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "-y.mp4", [np.zeros((32, 32), np.uint8)] * 2)
    monkeypatch.chdir(tmp_path)
    assert probe(Path("-y.mp4")).has_video


def test_a_film_cut_in_half_fails_and_junk_at_its_end_does_not(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    noise = np.random.default_rng(1).integers(0, 255, (100, 64, 64), np.uint8)
    write_video(whole, list(noise))
    data = whole.read_bytes()
    (tmp_path / "half.mkv").write_bytes(data[: len(data) // 2])
    (tmp_path / "junk.mkv").write_bytes(data + b"\x12\x34" * 2000)
    with pytest.raises(MediaError, match=r"only \d\.\d s of 4\.0 s of the video"):
        list(iter_luma(tmp_path / "half.mkv"))
    assert len(list(iter_luma(tmp_path / "junk.mkv"))) == 100


# Of the real media: what a person is told about each file that cannot be used.
_REASONS = {
    "Zulko_moviepy/result.webm": "is empty",
    "androidx_media/full_blocks.mkv": "neither moving pictures nor sound",
    "kalebtf_music-video-factory/projects__69d1ce3ca0b2dcb2ebe8af43__final__video.mp4": "no index (moov)",
    "sannies_mp4parser/redbull_100kbit_dash.mp4": "no data",
    "sonic-pi-net_sonic-pi/bad_riff_header.wav": "holds text",
    "sonic-pi-net_sonic-pi/no_data_chunk.wav": "starts like a wav",
    "marl_openl3/empty.wav": "no data",
    "ietf-wg-cellar_flac-test-files/06 - missing streaminfo metadata block.flac": "starts like FLAC",
}


@pytest.mark.parametrize("name", _REASONS)
def test_real_broken_files_give_a_reason(real_media: Path, name: str) -> None:
    with pytest.raises(MediaError) as caught:
        probe(real_media / name)
    assert _REASONS[name] in str(caught.value)


@pytest.mark.parametrize(
    ("name", "duration_s"),
    [
        ("androidx_media/sample_with_trailing_bytes.wav", 1.0),
        ("androidx_media/test-cbr-info-header-trailing-garbage.mp3", 1.0),
        ("androidx_media/bbb_6ch_8kHz_opus.ogg", 3.0),
        ("androidx_media/sample_192khz.wav", 1.0),
        ("androidx_media/sample_ac3.mp4", 0.288),
        ("ietf-wg-cellar_flac-test-files/41 - 6 channels (5.1).flac", 8.1),
        ("ietf-wg-cellar_flac-test-files/05 - wrong total number of samples.flac", 4.562),
        ("mediaelement_mediaelement/grampa-laughing.flv", 7.76),
    ],
)
def test_real_unusual_sound_is_read(real_media: Path, tmp_path: Path, name: str, duration_s: float) -> None:
    facts = extract_flac(real_media / name, tmp_path / "out.flac")
    assert facts.duration_s == pytest.approx(duration_s, abs=0.05)


@pytest.mark.parametrize(
    ("name", "size", "frames"),
    [
        ("Zulko_moviepy/-video-with-dash-.mp4", (1, 1), 5),
        ("androidx_media/bear-vp9-odd-dimensions.webm", (161, 121), 30),
        ("dmlc_decord/video_90.mov", (320, 568), 3),
        ("mozilla_mp4parse-rust/h264_white_frame_sar_16_9.mp4", (1138, 480), 1),
        ("pytorch_torchcodec/nasa_13013.mp4", (480, 270), 390),
        ("WyattBlue_auto-editor/h264-mjpeg.mp4", (640, 360), 60),
        ("androidx_media/sample_empty_track.mp4", (1080, 720), 30),
        ("fluent-ffmpeg_node-fluent-ffmpeg/te[s]t_ video ' _ .flv", (320, 240), 10),
    ],
)
def test_real_unusual_films_are_read(real_media: Path, name: str, size: tuple[int, int], frames: int) -> None:
    facts = probe(real_media / name)
    assert (facts.width, facts.height) == size
    assert sum(1 for _ in iter_luma(real_media / name)) == frames


def test_a_cover_is_no_video(real_media: Path) -> None:
    song = real_media / "librosa_data/Kevin_MacLeod_-_Vibe_Ace.hq.ogg"
    facts = probe(song)
    assert facts.has_audio and not facts.has_video and facts.width is None
    with pytest.raises(MissingStream, match="cover"):
        next(iter_luma(song))
