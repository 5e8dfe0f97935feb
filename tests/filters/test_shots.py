import cv2
import numpy as np
import pytest

from leitmotif.filters.shots import ShotFinder, Shots

SIZE = (96, 54)


def _panning(seed: int, count: int) -> list[np.ndarray]:
    """A view that a camera pans over."""
    coarse = np.random.default_rng(seed).uniform(10, 245, (9, 40)).astype(np.float32)
    view = cv2.resize(coarse, (400, SIZE[1]), interpolation=cv2.INTER_CUBIC)
    return [np.clip(view[:, n // 5 : n // 5 + SIZE[0]], 0, 255).astype(np.uint8) for n in range(count)]


def _find(frames: list[np.ndarray], *, fps: float = 25.0, start_s: float = 0.0) -> Shots:
    finder = ShotFinder(start_s)
    for index, frame in enumerate(frames):
        finder.see(start_s + index / fps, frame, 255)
    return finder.finish()


def _dissolved(one: list[np.ndarray], other: list[np.ndarray], length: int) -> list[np.ndarray]:
    shares = (np.arange(length) + 1) / (length + 1)
    middle = [
        cv2.addWeighted(before, 1 - share, after, share, 0)
        for before, after, share in zip(one[-length:], other, shares, strict=False)
    ]
    return [*one[:-length], *middle, *other[length:]]


def test_cuts_are_found_where_they_are() -> None:
    shots = _find([*_panning(1, 50), *_panning(2, 30), *_panning(3, 70)])
    assert shots.starts_s == pytest.approx([0, 2.0, 3.2])
    assert shots.ends_s == pytest.approx([1.96, 3.16, 5.96])
    assert shots.cuts_per_minute == pytest.approx(60 * 2 / 5.96)


def test_times_count_from_the_start_of_the_clip() -> None:
    frames = [*_panning(1, 50), *_panning(2, 50)]
    shots, later = _find(frames), _find(frames, start_s=100.0)
    assert later.starts_s == pytest.approx(shots.starts_s) and later.ends_s == pytest.approx(shots.ends_s)


@pytest.mark.parametrize("length", [8, 16, 27])
def test_a_dissolve_but_for_its_faint_ends_is_part_of_no_shot(length: int) -> None:
    shots = _find(_dissolved(_panning(1, 60), _panning(2, 60), length))
    assert len(shots.starts_s) == 2
    faint = length / 5
    assert shots.ends_s[0] <= (60 - length + faint) / 25 and shots.starts_s[1] >= (60 - faint) / 25


@pytest.mark.parametrize("plain", [0, 255])
def test_a_fade_through_black_or_white_is_one_change(plain: int) -> None:
    shares = np.linspace(1, 0, 10)

    def faded(frame: np.ndarray, share: float) -> np.ndarray:
        return cv2.addWeighted(frame, share, np.full_like(frame, plain), 1 - share, 0)

    one, other = _panning(1, 60), _panning(2, 60)
    out = [faded(frame, share) for frame, share in zip(one[-10:], shares, strict=True)]
    into = [faded(frame, share) for frame, share in zip(other[:10], shares[::-1], strict=True)]
    shots = _find([*one[:-10], *out, *[out[-1]] * 5, *into, *other[10:]])
    assert len(shots.starts_s) == 2
    assert shots.ends_s[0] <= 52 / 25 and shots.starts_s[1] >= 73 / 25


def test_flashes_and_light_on_the_beat_are_no_changes() -> None:
    frames = _panning(1, 200)
    flashed = [
        cv2.convertScaleAbs(frame, alpha=0.3, beta=170) if 90 <= index < 93 else frame
        for index, frame in enumerate(frames)
    ]
    lit = [
        cv2.convertScaleAbs(frame, alpha=0.6 + 0.4 * float(np.exp(-(index % 12) / 3)))
        for index, frame in enumerate(frames)
    ]
    assert _find(flashed).starts_s == [0] and _find(lit).starts_s == [0]


def test_what_was_judged_in_pieces_is_as_if_at_once_and_little_is_held() -> None:
    frames = [frame for seed in range(20) for frame in _panning(seed, 60)]
    finder, most = ShotFinder(), 0
    for index, frame in enumerate(frames):
        finder.see(index / 25, frame, 255)
        most = max(most, len(finder._pictures))
    shots = finder.finish()
    assert shots.starts_s == pytest.approx([2.4 * number for number in range(20)]) and most < 450


def test_a_film_at_a_high_rate_has_the_same_shots() -> None:
    frames = [*_panning(1, 75), *_panning(2, 75), *_panning(3, 75)]
    twice = [frame for frame in frames for _ in range(2)]
    assert _find(twice, fps=60).starts_s == pytest.approx(_find(frames, fps=30).starts_s, abs=0.04)


def test_one_picture_is_one_shot() -> None:
    shots = _find(_panning(1, 1))
    assert (shots.starts_s, shots.ends_s, shots.cuts_per_minute) == ([0.0], [0.0], 0.0)
