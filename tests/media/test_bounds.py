"""Pictures and lengths beyond what is decoded are refused before one is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leitmotif.filters.motion import measure_motion
from leitmotif.media import audio, key_frames, probe
from leitmotif.media.container import MOST_PIXELS
from leitmotif.media.errors import MediaError, TooLarge
from tests.media.media_clips import write_tone, write_video


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 8208x8192 pixels in a few kilobytes."""
    picture = np.zeros((8192, 8208), np.uint8)
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    return write_video(path, [picture], options={"preset": "ultrafast", "crf": "40"})


@pytest.mark.parametrize("read", [measure_motion, key_frames.key_frames])
def test_pictures_with_too_many_pixels_are_refused_with_the_bound_before_one_is_decoded(
    large: Path, read: Callable[[Path], object]
) -> None:
    with pytest.raises(TooLarge, match=r"'large.mp4' have 8208x8192 pixels; up to 67,108,864 \(8192x8192\)"):
        read(large)


def test_the_header_of_a_film_with_too_many_pixels_is_read(large: Path) -> None:
    found = probe.probe(large)
    assert (found.width, found.height) == (8208, 8192)


def test_a_size_that_grows_in_the_middle_of_a_film_is_ffmpegs_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "film.mp4"
    write_video(film, [np.full((96, 128), 9 * number, np.uint8) for number in range(10)])
    monkeypatch.setattr("leitmotif.media.container.check_pixels", lambda stream, path: None)
    monkeypatch.setattr("leitmotif.media.container.MOST_PIXELS", 64 * 64)
    with pytest.raises(MediaError, match=r"no (video )?frame"):
        measure_motion(film)
    assert MOST_PIXELS == 8192 * 8192


def test_a_file_that_says_it_lasts_for_days_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tone(tmp_path / "tone.wav", np.zeros((2, 44100), np.float32))
    monkeypatch.setattr("leitmotif.media.probe.confirmed_s", lambda path, stated_s: 90_000.0)
    with pytest.raises(TooLarge, match=r"lasts 25 hours, and up to 24 are read; cut"):
        probe.probe(path)
    assert audio.extract_flac(path, tmp_path / "out.flac").duration_s == 1.0
