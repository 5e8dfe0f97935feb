import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from leitmotif.demo.pictures.render import KINDS, render_pictures
from leitmotif.filters.motion import RULES, Motion, measure_motion

SIZE = (320, 180)
RNG = np.random.default_rng(7)


def _broken_rules(motion: Motion) -> list[str]:
    broken = []
    for rule in RULES:
        value = getattr(motion, rule.column)
        if value < rule.threshold if rule.keep == "at least" else value > rule.threshold:
            broken.append(rule.name)
    return broken


def _write(path: Path, frames: Iterable[np.ndarray], *, fps: int = 25, crf: int = 24) -> Path:
    """Grey or RGB frames as H.264."""
    with av.open(str(path), "w") as container:
        stream = None
        for picture in frames:
            if stream is None:
                options = {"crf": str(crf), "preset": "superfast"}
                stream = container.add_stream("libx264", rate=fps, options=options)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            format_name = "gray" if picture.ndim == 2 else "rgb24"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format=format_name)))
        assert stream is not None
        container.mux(stream.encode(None))
    return path


def _photo(size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture with texture on every scale."""
    picture = np.zeros((size[1], size[0]), np.float32)
    for cell in (4, 9, 20, 60):
        small = RNG.normal(0, cell**0.5, (size[1] // cell + 2, size[0] // cell + 2)).astype(np.float32)
        picture += cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    return cv2.normalize(picture, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


def _zoom(photo: np.ndarray, index: int, per_frame: float = 0.0006) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((photo.shape[1] / 2, photo.shape[0] / 2), 0, 1.1 + per_frame * index)
    return cv2.warpAffine(photo, matrix, photo.shape[::-1])


def _still() -> Iterable[np.ndarray]:
    photo = _photo()
    return (photo for _ in range(125))


def _grainy_still() -> Iterable[np.ndarray]:
    photo = _photo().astype(np.float32)
    return (np.clip(photo + RNG.normal(0, 3, photo.shape), 0, 255).astype(np.uint8) for _ in range(125))


def _slide_show() -> Iterable[np.ndarray]:
    photos = [_photo() for _ in range(4)]
    return (photos[index // 75] for index in range(300))


def _slow_zoom() -> Iterable[np.ndarray]:
    photo = _photo()
    return (_zoom(photo, index) for index in range(150))


def _zooming_slides() -> Iterable[np.ndarray]:
    photos = [_photo() for _ in range(3)]
    return (_zoom(photos[index // 90], index % 90) for index in range(270))


def _cursor() -> Iterable[np.ndarray]:
    photo = _photo()
    for index in range(150):
        frame = photo.copy()
        cv2.circle(frame, (100 + index % 60, 90), 4, 255, -1)
        yield frame


def _flying_text() -> Iterable[np.ndarray]:
    for index in range(150):
        frame = np.full((SIZE[1], SIZE[0]), 40, np.uint8)
        place = (20 + 5 * (index % 40), 60 + 2 * (index % 50))
        cv2.putText(frame, "LOVE ME", place, cv2.FONT_HERSHEY_SIMPLEX, 1.4, 230, 4, cv2.LINE_AA)
        yield frame


FAKES: dict[str, tuple[Callable[[], Iterable[np.ndarray]], set[str]]] = {
    "still": (_still, {"motion", "still-frames"}),
    "grainy still": (_grainy_still, {"still-frames"}),
    "slide show": (_slide_show, {"still-frames"}),
    "slow zoom": (_slow_zoom, {"zoom"}),
    "zooming slides": (_zooming_slides, {"zoom"}),
    "cursor": (_cursor, {"spread"}),
    "flying text": (_flying_text, {"text"}),
}


@pytest.mark.parametrize("name", FAKES)
def test_a_film_that_only_pretends_to_move_breaks_its_rule(tmp_path: Path, name: str) -> None:
    make, expected = FAKES[name]
    assert expected & set(_broken_rules(measure_motion(_write(tmp_path / "film.mp4", make()))))


def test_a_pan_over_things_that_move_is_kept(tmp_path: Path) -> None:
    ground, blobs = _photo((480, 270)), [_photo((60, 60)) for _ in range(6)]

    def frames() -> Iterable[np.ndarray]:
        for index in range(150):
            x = index // 2
            frame = ground[40 : 40 + SIZE[1], x : x + SIZE[0]].copy()
            for number, blob in enumerate(blobs):
                left = int(130 + 120 * np.sin(index / (8 + number) + number))
                top = int(60 + 55 * np.cos(index / (10 + number) + 2 * number))
                frame[top : top + 60, left : left + 60] = blob
            yield frame

    assert _broken_rules(measure_motion(_write(tmp_path / "film.mp4", frames()))) == []


def test_the_mean_is_the_mean_difference_of_neighbours(tmp_path: Path) -> None:
    levels = [16, 26, 46, 46]
    path = _write(tmp_path / "steps.mp4", [np.full((64, 64), level, np.uint8) for level in levels], crf=1)
    motion = measure_motion(path)
    # Grey is full range, the film holds 219 levels: the share of full scale is the same.
    assert motion.mean == pytest.approx((10 + 20 + 0) / 3 / 255, rel=0.1)
    assert motion.frames == 4 and motion.exact


def test_one_frame_is_still(tmp_path: Path) -> None:
    motion = measure_motion(_write(tmp_path / "one.mp4", [_photo()]))
    assert (motion.mean, motion.still_share, motion.spread, motion.frames) == (0.0, 1.0, 0.0, 1)


def test_only_the_window_is_measured(tmp_path: Path) -> None:
    photo = _photo()
    noise = [RNG.integers(0, 255, photo.shape, np.uint8) for _ in range(50)]
    path = _write(tmp_path / "halves.mp4", [*[photo] * 100, *noise])
    still, wild = measure_motion(path, duration_s=3.8), measure_motion(path, start_s=4.0)
    assert "still-frames" in _broken_rules(still) and still.frames == 95
    assert _broken_rules(wild) == [] and wild.frames == 50


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'exact' or 'sampled'"):
        measure_motion(tmp_path / "x.mp4", mode="fast")  # type: ignore[arg-type]


def test_a_short_film_is_measured_exactly_also_when_sampling_is_asked_for(tmp_path: Path) -> None:
    path = _write(tmp_path / "short.mp4", _still())
    assert measure_motion(path, mode="sampled") == measure_motion(path)


@pytest.mark.slow
# Lyrics over a film move as the film does: the rule `lyrics` takes them, by the text in their key frames.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "film-lyrics"])
def test_rendered_kinds_are_told_apart(tmp_path: Path, kind: str) -> None:
    for seed in (1000, 1001):
        frames = render_pictures(kind, seed, duration_s=9.0)
        broken = _broken_rules(measure_motion(_write(tmp_path / f"{seed}.mp4", frames)))
        assert (not broken) == KINDS[kind], f"{kind} {seed}: {broken}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["performance", "dancers", "slideshow", "slow-zoom", "kinetic-text"])
def test_sampling_a_long_film_decides_as_measuring_it_all(tmp_path: Path, kind: str) -> None:
    frames = list(render_pictures(kind, 1, duration_s=15.0, size=SIZE))
    path = _write(tmp_path / "long.mp4", (frame for _ in range(6) for frame in frames))
    exact, sampled = measure_motion(path), measure_motion(path, mode="sampled")
    assert bool(_broken_rules(exact)) == bool(_broken_rules(sampled))
    assert sampled.exact or sampled.frames < exact.frames / 3


_KEPT = (
    "v-iashin_SpecVQGAN/video_02542.mp4",
    "v-iashin_SpecVQGAN/0nib7bMm8BA_15000_25000.mp4",
    "acappemin_Video-to-Audio-and-Piano/nwwHuxHMIpc.00000000.mp4",
    "pytorch_torchcodec/nasa_13013.mp4",
    "modelscope_data-juicer/video1.mp4",
    "mediaelement_mediaelement/grampa-laughing.flv",
)
_REJECTED = (
    "kalebtf_music-video-factory/still_3b1cf54d.mp4",
    "kalebtf_music-video-factory/still_45024b69.mp4",
    "androidx_media/silent-black-10s.mp4",
    "androidx_media/sample.mp4",
    "androidx_media/sample_portrait.mp4",
    "shaka-project_shaka-player/green-pixel.mp4",
    "fluent-ffmpeg_node-fluent-ffmpeg/te[s]t_ video ' _ .flv",
    "dmlc_decord/corrupted.mp4",
)


@pytest.mark.parametrize("name", _KEPT + _REJECTED)
def test_real_films_are_decided_as_a_person_would(real_media: Path, name: str) -> None:
    broken = _broken_rules(measure_motion(real_media / name))
    assert (not broken) == (name in _KEPT), broken


@pytest.mark.slow
def test_every_real_clip_of_the_index_but_the_stills_is_kept(real_media: Path) -> None:
    stills = {"test_video.mp4", "still_3b1cf54d.mp4", "still_45024b69.mp4"}
    with (real_media / "INDEX.csv").open(newline="") as file:
        clips = [row["file"] for row in csv.DictReader(file) if row["kind"] == "video"]
    for clip in clips:
        broken = _broken_rules(measure_motion(real_media / clip))
        assert (not broken) == (Path(clip).name not in stills), f"{clip}: {broken}"
