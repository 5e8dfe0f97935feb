"""What FFmpeg refuses and libsndfile reads is no broken file."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from leitmotif.media.audio import extract_flac
from leitmotif.media.errors import DecodeFailed, MediaError, NotMedia
from leitmotif.media.probe import probe

RATE_HZ = 44100


def _crc(data: bytes) -> int:
    """Ogg's: polynomial 04c11db7, not reflected, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    return crc


def _pages(data: bytes) -> list[bytes]:
    pages, at = [], 0
    while at < len(data):
        segments = data[at + 26]
        size = 27 + segments + sum(data[at + 27 : at + 27 + segments])
        pages.append(data[at : at + size])
        at += size
    return pages


def _numbered(pages: list[bytes]) -> bytes:
    done = []
    for number, page in enumerate(pages):
        head = page[:18] + struct.pack("<I", number)
        done.append(head + struct.pack("<I", _crc(head + bytes(4) + page[26:])) + page[26:])
    return b"".join(done)


def _vorbis_with_its_headers_twice(path: Path, samples: np.ndarray) -> Path:
    """The three header packets stand twice, as some tag editors leave them."""
    plain = BytesIO()
    soundfile.write(plain, samples.T, RATE_HZ, format="OGG", subtype="VORBIS")
    pages = _pages(plain.getvalue())
    headers = [page for page in pages if struct.unpack("<q", page[6:14])[0] == 0]
    path.write_bytes(_numbered(headers + pages))
    return path


def _noise(length_s: float, channels: int = 2) -> np.ndarray:
    return (
        np.random.default_rng(0).uniform(-0.3, 0.3, (channels, round(length_s * RATE_HZ))).astype(np.float32)
    )


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _vorbis_with_its_headers_twice(tmp_path_factory.mktemp("ogg") / "twice.ogg", _noise(4.0))


def test_vorbis_whose_headers_stand_twice_is_read_to_the_sample(twice: Path, tmp_path: Path) -> None:
    found = probe(twice)
    assert (found.duration_s, found.decoder, found.audio_codec) == (4.0, "libsndfile", "vorbis")
    facts = extract_flac(twice, tmp_path / "out.flac")
    assert (facts.duration_s, facts.decoder) == (4.0, "libsndfile")
    expected, _ = soundfile.read(twice)
    assert np.abs(soundfile.read(tmp_path / "out.flac")[0] - expected).max() < 1e-4


def test_a_window_of_it_is_the_same_piece(twice: Path, tmp_path: Path) -> None:
    extract_flac(twice, tmp_path / "out.flac", start_s=2.5, duration_s=1.0)
    expected = soundfile.read(twice)[0][round(2.5 * RATE_HZ) : round(3.5 * RATE_HZ)]
    assert np.abs(soundfile.read(tmp_path / "out.flac")[0] - expected).max() < 1e-3
    with pytest.raises(MediaError):
        extract_flac(twice, tmp_path / "late.flac", start_s=5.0, duration_s=1.0)
    assert not (tmp_path / "late.flac").exists()


@pytest.mark.parametrize("channels", [1, 6])
def test_its_channels_are_mixed_as_those_of_other_files(tmp_path: Path, channels: int) -> None:
    sound = _noise(1.0, channels)
    path = _vorbis_with_its_headers_twice(tmp_path / "twice.ogg", sound)
    soundfile.write(tmp_path / "plain.wav", soundfile.read(path)[0], RATE_HZ)
    for name in ("twice.ogg", "plain.wav"):
        extract_flac(tmp_path / name, tmp_path / f"{name}.flac")
    twice, plain = (soundfile.read(tmp_path / f"{name}.flac")[0] for name in ("twice.ogg", "plain.wav"))
    assert twice.shape == (RATE_HZ, 2) and np.abs(twice - plain).max() < 1e-3


def test_an_ordinary_file_is_ffmpegs(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "plain.ogg", _noise(1.0).T, RATE_HZ)
    assert probe(tmp_path / "plain.ogg").decoder == "ffmpeg"
    assert extract_flac(tmp_path / "plain.ogg", tmp_path / "out.flac").decoder == "ffmpeg"


@pytest.mark.parametrize("name", ["page.vox", "page.ogg", "page.raw"])
def test_what_both_refuse_is_told_in_the_words_of_the_first(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<!DOCTYPE html><html><title>404</title></html>" * 50)
    with pytest.raises(NotMedia, match="web page"):
        probe(tmp_path / name)
    with pytest.raises(NotMedia, match="web page"):
        extract_flac(tmp_path / name, tmp_path / "out.flac")
    assert not (tmp_path / "out.flac").exists()


def test_a_real_flac_file_that_states_a_wrong_bit_depth_is_read(real_media: Path, tmp_path: Path) -> None:
    path = real_media / "ietf-wg-cellar_flac-test-files" / "03 - wrong bit depth.flac"
    facts = extract_flac(path, tmp_path / "out.flac")
    assert facts.decoder == "libsndfile" and facts.duration_s == pytest.approx(3.746, abs=1e-3)


def test_a_file_cut_short_is_not_whole_for_the_second_decoder_either(tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    soundfile.write(path, _noise(4.0).T, RATE_HZ)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DecodeFailed, match="only"):
        extract_flac(path, tmp_path / "out.flac")
