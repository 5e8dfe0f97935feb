"""The rendered pictures: the same by seed, moving or still as they claim, and following mood and beat."""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from leitmotif.demo.pictures.paint import Layer, Panorama, mood_colours, noise, text_layer
from leitmotif.demo.pictures.render import KINDS, SCENES, render_pictures

SIZE = (160, 90)
MOVING = [kind for kind, moves in KINDS.items() if moves]
STILL = [kind for kind, moves in KINDS.items() if not moves]


def render(
    kind: str,
    *,
    seed: int = 1,
    duration_s: float = 2.0,
    size: tuple[int, int] = SIZE,
    valence: float = 0.2,
    arousal: float = 0.2,
) -> list[np.ndarray]:
    return list(
        render_pictures(
            kind, seed, duration_s=duration_s, size=size, valence=valence, arousal=arousal, tempo_bpm=120.0
        )
    )


def changes(frames: Sequence[np.ndarray]) -> np.ndarray:
    """The share of pixels that clearly change from each frame to the next, away from grain."""
    soft = [cv2.GaussianBlur(frame.max(axis=2), (0, 0), 1.5).astype(np.int16) for frame in frames]
    return np.array([(np.abs(b - a) > 5).mean() for a, b in itertools.pairwise(soft)])


def test_there_are_seven_films_and_six_kinds_that_only_pretend() -> None:
    assert len(MOVING) == 7
    assert STILL == ["static-cover", "slideshow", "slow-zoom", "lyrics", "kinetic-text", "film-lyrics"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_frames_of_the_right_form(kind: str) -> None:
    frames = render(kind, duration_s=0.6)
    assert len(frames) == 15
    assert all(frame.shape == (90, 160, 3) and frame.dtype == np.uint8 for frame in frames)
    assert all(np.array_equal(a, b) for a, b in zip(frames, render(kind, duration_s=0.6), strict=True))
    assert not np.array_equal(frames[-1], render(kind, seed=2, duration_s=0.6)[-1])


@pytest.mark.parametrize("kind", MOVING)
@pytest.mark.parametrize("mood", [(-0.7, -0.5), (0.3, -0.8), (0.6, 0.9)])
def test_a_film_moves_in_nearly_every_frame(kind: str, mood: tuple[float, float]) -> None:
    frames = render(kind, valence=mood[0], arousal=mood[1], size=(320, 180), duration_s=1.6)
    least = 0.0005 if kind == "performance" else 0.005
    assert (changes(frames) > least).mean() > 0.6


@pytest.mark.parametrize("kind", ["static-cover", "slideshow", "lyrics"])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_still_kind_hardly_ever_changes(kind: str, seed: int) -> None:
    frames = render(kind, seed=seed, duration_s=6.0)[40:]  # past a fade from black
    corners = [frame[:60] for frame in frames]  # a bar may jump at the foot
    assert (changes(corners) > 0.02).mean() < 0.15


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_slow_zoom_moves_by_less_than_a_pixel_a_frame(seed: int) -> None:
    frames = [
        cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in render("slow-zoom", seed=seed, duration_s=3.0)[40:]
    ]
    flow = cv2.calcOpticalFlowFarneback(frames[0], frames[1], None, 0.5, 3, 15, 3, 5, 1.2, 0)
    assert np.median(np.abs(flow)) < 1.0
    assert np.abs(frames[-1].astype(int) - frames[0]).mean() > 0.5


def test_lyrics_over_a_film_change_while_the_film_moves() -> None:
    frames = render("film-lyrics", duration_s=6.0, size=(320, 180))[40:]
    assert (changes(frames) > 0.005).mean() > 0.9
    assert min(frame.max() for frame in frames) > 200, "there is light text in every frame, but for a fade"


def test_flying_words_leave_most_of_their_ground_alone() -> None:
    frames = render("kinetic-text", duration_s=4.0)[40:]
    assert np.median(changes(frames)) < 0.2
    assert max(changes(frames)) > 0.01


@pytest.mark.parametrize("kind", SCENES)
def test_glad_pictures_are_warmer_and_brighter_than_sad_ones(kind: str) -> None:
    glad, sad = (
        np.mean(
            [
                f.mean(axis=(0, 1))
                for s in (1, 2, 3)
                for f in render(kind, seed=s, valence=v, arousal=a)[::10]
            ],
            axis=0,
        )
        for v, a in ((0.8, 0.5), (-0.7, -0.5))
    )
    assert glad[0] - glad[2] > sad[0] - sad[2] + 10
    assert glad.mean() > sad.mean()


def test_wild_films_move_more_than_quiet_ones() -> None:
    for kind in ("landscape", "city", "waves", "abstract"):
        wild, quiet = (
            np.mean([np.median(changes(render(kind, seed=s, arousal=a))) for s in (1, 2, 3)])
            for a in (0.9, -0.9)
        )
        assert wild > quiet, kind


def test_cuts_fall_on_beats_and_come_more_often_in_wild_moods() -> None:
    def cuts(arousal: float) -> np.ndarray:
        frames = [
            cv2.resize(f, (32, 18)).astype(int) for f in render("landscape", duration_s=12.0, arousal=arousal)
        ]
        steps = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(frames)])
        return (np.flatnonzero(steps > 12) + 1) / 25

    wild, quiet = cuts(0.9), cuts(-0.8)
    assert len(wild) > len(quiet)
    off_beat_s = np.abs(wild * 2 - np.round(wild * 2)) / 2
    assert off_beat_s.max() <= 0.041


def test_what_cannot_be_drawn_is_refused_with_the_reason() -> None:
    with pytest.raises(LookupError, match="known are landscape"):
        render("opera")
    with pytest.raises(ValueError, match="at least 32x32"):
        render("city", size=(8, 8))
    with pytest.raises(ValueError, match="above 0"):
        render("city", duration_s=0.0)
    with pytest.raises(ValueError, match="between -1 and 1"):
        render("city", valence=3.0)


def test_noise_fills_its_range_and_repeats_from_edge_to_edge() -> None:
    field = noise(np.random.default_rng(0), 200, 100, cell_px=40, octaves=3)
    assert field.shape == (100, 200) and field.min() == 0 and field.max() == 1
    seam, inside = np.abs(field[:, 0] - field[:, -1]).mean(), np.abs(np.diff(field, axis=1)).mean()
    assert seam < 3 * inside


def test_a_panorama_slides_by_fractions_of_a_pixel() -> None:
    picture = np.tile(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], (4, 1, 3))
    frame = np.zeros((4, 8, 3), np.uint8)
    Panorama(Layer.of(picture, np.ones((4, 20))), 8).paint(frame, 2.5)
    assert frame[0, :3, 0].tolist() == [25, 35, 45] or frame[0, :3, 0].tolist() == [24, 34, 44]


def test_a_layer_covers_where_it_is_opaque_and_may_hang_over_the_edge() -> None:
    frame = np.full((10, 10, 3), 100, np.uint8)
    layer = Layer.of(np.full((6, 6, 3), 200.0), np.ones((6, 6)))
    layer.over(frame, -3, 8)
    layer.over(frame, 40, 40)
    assert (frame[8:, :3] == 200).all() and (frame[:8] == 100).all() and (frame[8:, 3:] == 100).all()


def test_text_has_ink_and_the_colours_stay_in_range() -> None:
    layer = text_layer("Golden Sunrise", 24, np.array([250.0, 250, 250]), outline=np.zeros(3))
    assert layer.colour.max() == 250 and layer.colour.shape[1] > layer.colour.shape[0]
    colours = mood_colours(1.0, 1.0, np.random.default_rng(0))
    assert colours.shape == (5, 3) and colours.min() >= 0 and colours.max() <= 255
