from pathlib import Path

import cv2
import numpy as np
import pytest

from leitmotif.media.errors import DecodeFailed
from leitmotif.media.key_frames import key_frames, timed_key_frames
from leitmotif.media.probe import probe
from leitmotif.media.video import iter_luma
from tests.media.media_clips import write_video


def _steps(count: int, size: tuple[int, int] = (48, 64)) -> list[np.ndarray]:
    """Frame i is plain grey of level 20 + 2 i."""
    return [np.full(size, 20 + 2 * index, np.uint8) for index in range(count)]


def test_frames_come_in_order_with_their_times(tmp_path: Path) -> None:
    path = write_video(tmp_path / "steps.mp4", _steps(50))
    seen = [(time_s, float(luma.mean()), luma.shape) for time_s, luma in iter_luma(path)]
    assert [time_s for time_s, _, _ in seen] == pytest.approx(np.arange(50) / 25)
    assert np.all(np.diff([level for _, level, _ in seen]) > 0)
    assert {shape for _, _, shape in seen} == {(48, 64)}


@pytest.mark.parametrize("key_every", [1, 10, 300])
def test_a_window_is_cut_by_timestamps_wherever_the_key_frames_are(tmp_path: Path, key_every: int) -> None:
    path = write_video(tmp_path / "steps.mp4", _steps(75), key_every=key_every)
    times_s = [time_s for time_s, _ in iter_luma(path, start_s=1.0, duration_s=0.52)]
    assert times_s == pytest.approx(np.arange(25, 38) / 25)


def test_the_luma_of_a_window_is_that_of_the_whole(tmp_path: Path) -> None:
    path = write_video(tmp_path / "steps.mp4", _steps(75))
    whole = {round(time_s, 3): luma.copy() for time_s, luma in iter_luma(path)}
    for time_s, luma in iter_luma(path, start_s=1.3, duration_s=1.0):
        assert np.array_equal(luma, whole[round(time_s, 3)])


def test_a_window_after_the_end_says_where_the_end_is(tmp_path: Path) -> None:
    path = write_video(tmp_path / "steps.mp4", _steps(25))
    with pytest.raises(DecodeFailed, match=r"ends at 1\.0 s, before the window at 7\.0 s"):
        list(iter_luma(path, start_s=7.0))


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "suffix"),
    [
        ("yuv420p", "libx264", ".mp4"),
        ("yuv444p", "libx264", ".mp4"),
        ("yuv420p10le", "libx264", ".mp4"),
        ("gray", "libx264", ".mp4"),
        ("yuvj420p", "mjpeg", ".mkv"),
        ("yuv422p12le", "ffv1", ".mkv"),
        ("gray16le", "ffv1", ".mkv"),
        ("bgr0", "ffv1", ".mkv"),
        ("rgb24", "png", ".mov"),
    ],
)
def test_every_pixel_format_gives_eight_bit_luma(
    tmp_path: Path, pix_fmt: str, codec: str, suffix: str
) -> None:
    levels = (60, 120, 180)
    path = write_video(
        tmp_path / f"film{suffix}",
        [np.full((50, 70), v, np.uint8) for v in levels],
        codec=codec,
        pix_fmt=pix_fmt,
    )
    planes = [luma.copy() for _, luma in iter_luma(path)]
    assert all(plane.dtype == np.uint8 and plane.shape == (50, 70) for plane in planes)
    full_range = pix_fmt in ("gray", "gray16le", "bgr0", "rgb24", "yuvj420p")
    expected = levels if full_range else [16 + v * 219 / 255 for v in levels]
    assert [float(plane.mean()) for plane in planes] == pytest.approx(expected, abs=2.0)


def test_frames_at_uneven_times_keep_them(tmp_path: Path) -> None:
    times = [0, 40, 500, 520, 1400]
    path = write_video(tmp_path / "uneven.mkv", _steps(5), times=times)
    assert [time_s for time_s, _ in iter_luma(path)] == pytest.approx(np.array(times) / 1000)


@pytest.mark.parametrize("suffix", [".ts", ".mp4"])
def test_a_file_that_starts_late_counts_from_its_start(tmp_path: Path, suffix: str) -> None:
    times = [10_000 + 40 * index for index in range(25)]
    path = write_video(tmp_path / f"late{suffix}", _steps(25), times=times)
    first_s = next(iter_luma(path))[0]
    assert first_s == pytest.approx(0.0, abs=0.05)


def test_a_size_that_changes_in_the_middle_is_followed(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.ts", _steps(5, (32, 48)))
    large = write_video(tmp_path / "large.ts", _steps(5, (64, 96)))
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    assert {luma.shape for _, luma in iter_luma(both)} == {(32, 48), (64, 96)}


def test_key_frames_are_evenly_spread_jpegs_of_the_asked_size(tmp_path: Path) -> None:
    path = write_video(tmp_path / "steps.mp4", _steps(100, (96, 160)), key_every=100)
    pictures = [cv2.imdecode(np.frombuffer(data, np.uint8), 1) for data in key_frames(path, short_side=48)]
    assert [picture.shape for picture in pictures] == [(48, 80, 3)] * 10
    levels = [float(picture.mean()) for picture in pictures]
    assert np.diff(levels) == pytest.approx(np.full(9, 20.0), abs=4.0)


def test_key_frames_are_never_larger_than_the_film(tmp_path: Path) -> None:
    path = write_video(tmp_path / "small.mp4", _steps(20, (32, 48)))
    assert {cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape for data in key_frames(path)} == {
        (32, 48, 3)
    }


def test_a_film_of_three_frames_gives_three_key_frames(tmp_path: Path) -> None:
    assert len(key_frames(write_video(tmp_path / "short.mp4", _steps(3)))) == 3
    assert len(key_frames(write_video(tmp_path / "one.mp4", _steps(1)))) == 1


def test_a_key_frame_has_the_time_at_which_it_is_shown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", _steps(100))
    shown = dict(timed_key_frames(path, count=4, start_s=1.0, duration_s=2.0))
    luma = {round(time_s, 3) for time_s in shown}
    assert len(luma) == 4 and min(luma) >= 1.0 and max(luma) < 3.0
    for time_s, picture in shown.items():
        (alone,) = key_frames(path, count=1, start_s=time_s, duration_s=0.01)
        assert alone == picture, "the film shows this picture at that time"


def test_key_frames_of_a_window_lie_in_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "steps.mp4", _steps(100))
    pictures = key_frames(path, count=4, start_s=2.0, duration_s=1.0)
    levels = [float(cv2.imdecode(np.frombuffer(data, np.uint8), 0).mean()) for data in pictures]
    assert len(levels) == 4
    assert min(levels) >= 20 + 2 * 50 - 3 and max(levels) <= 20 + 2 * 75 + 3


@pytest.mark.parametrize(("turn_deg", "bright"), [(0, "left"), (90, "bottom"), (180, "right"), (-90, "top")])
def test_key_frames_are_turned_as_a_player_turns_them(tmp_path: Path, turn_deg: int, bright: str) -> None:
    frame = np.zeros((64, 96), np.uint8)
    frame[:, :48] = 255
    path = write_video(tmp_path / "turned.mp4", [frame] * 3, rotation_deg=turn_deg)
    picture = cv2.imdecode(np.frombuffer(key_frames(path, count=1)[0], np.uint8), 0)
    upright = turn_deg % 180 == 90
    assert picture.shape == ((96, 64) if upright else (64, 96))
    assert (probe(path).width, probe(path).height) == picture.shape[::-1]
    halves = {
        "left": picture[:, : picture.shape[1] // 2],
        "right": picture[:, picture.shape[1] // 2 :],
        "top": picture[: picture.shape[0] // 2],
        "bottom": picture[picture.shape[0] // 2 :],
    }
    assert max(halves, key=lambda name: halves[name].mean()) == bright
