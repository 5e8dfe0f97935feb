from pathlib import Path

import cv2
import numpy as np
import pytest

from leitmotif.media.key_frames import parts_of, timed_key_frames
from tests.media.media_clips import write_video


def test_without_shots_the_window_is_split_into_equal_parts() -> None:
    assert parts_of([], 4, 10.0, 18.0) == [(10, 12), (12, 14), (14, 16), (16, 18)]


def test_the_longest_shots_have_a_part_each() -> None:
    shots = [(0.0, 1.0), (1.0, 5.0), (5.5, 8.0), (8.0, 8.5), (8.5, 12.0)]
    assert parts_of(shots, 3, 0.0, 12.0) == [(1, 5), (5.5, 8), (8.5, 12)]


def test_what_is_left_goes_to_the_longest_parts() -> None:
    assert parts_of([(0.0, 6.0), (7.0, 10.0), (10.0, 10.0)], 5, 0.0, 10.0) == [
        (0, 2),
        (2, 4),
        (4, 6),
        (7, 10),
        (10, 10),
    ]


def test_shots_beyond_the_window_give_none() -> None:
    assert parts_of([(0.0, 2.0), (50.0, 60.0)], 2, 0.0, 2.0) == [(0, 1), (1, 2)]
    assert parts_of([(50.0, 60.0)], 1, 0.0, 2.0) == [(0, 2)]


def _picture(seed: int, *, blurred: bool = False) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(0, 255, (27, 48)).astype(np.float32)
    picture = cv2.resize(coarse, (96, 54), interpolation=cv2.INTER_NEAREST)
    return (cv2.GaussianBlur(picture, (0, 0), 4) if blurred else picture).astype(np.uint8)


def _grey(jpeg: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE), np.float32)


def test_of_frames_near_each_other_the_sharp_one_is_taken(tmp_path: Path) -> None:
    # Four parts of two seconds; of each the frames at 0.52 s (blurred), 0.72 s and 0.92 s are compared.
    frames = [_picture(1, blurred=index % 50 < 17) for index in range(200)]
    found = timed_key_frames(write_video(tmp_path / "moved.mp4", frames), count=4)
    assert [time_s % 2 for time_s, _ in found] == pytest.approx([0.72] * 4)


def test_each_shot_gives_a_picture_of_its_own(tmp_path: Path) -> None:
    lengths = (60, 20, 90, 30)
    frames = [_picture(seed) for seed, length in enumerate(lengths) for _ in range(length)]
    path = write_video(tmp_path / "film.mp4", frames)
    ends = np.cumsum(lengths) / 25
    shots = [(end - length / 25, end - 0.04) for end, length in zip(ends, lengths, strict=True)]
    found = timed_key_frames(path, count=3, shots=shots)
    seen = [min(range(4), key=lambda seed: np.abs(_grey(jpeg) - _picture(seed)).mean()) for _, jpeg in found]
    assert seen == [0, 2, 3]
    again = timed_key_frames(
        path, count=2, start_s=2.4, shots=[(first - 2.4, last - 2.4) for first, last in shots]
    )
    assert [jpeg for _, jpeg in again] == [jpeg for _, jpeg in found[1:]]
