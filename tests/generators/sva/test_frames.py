"""Which pictures of a film are shown to a model."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from leitmotif.generators.sva.frames import MOST_SHOTS, choose_frames
from leitmotif.media.errors import MissingStream
from leitmotif.media.intra_frames import draw_intra_frame
from leitmotif.media.mux import Encoding, write_video

SHOTS, SHOT_S, FPS, KEY_EVERY = 9, 1.2, 25, 15


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine shots of one grey each, with texture of their own; an intra frame every 15 frames or sooner."""
    rng = np.random.default_rng(5)
    pictures = [
        np.clip(rng.integers(0, 60, (48, 64, 3)) + 20 * shot, 0, 255).astype(np.uint8)
        for shot in range(SHOTS)
    ]
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = (pictures[int(number / FPS / SHOT_S)] for number in range(int(SHOTS * SHOT_S * FPS)))
    sound = np.zeros((2, 44_100), np.float32)
    write_video(path, frames, sound, fps=FPS, encoding=Encoding(key_every=KEY_EVERY))
    return path


def intra_times_s(film: Path) -> list[float]:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        return [float(frame.pts * frame.time_base) for frame in container.decode(stream)]


def test_an_intra_frame_is_drawn_by_the_seed_and_all_of_them_are_as_likely(film: Path) -> None:
    times_s = intra_times_s(film)
    drawn = [draw_intra_frame(film, seed=seed) for seed in range(60)]
    assert {frame.of for frame in drawn} == {len(times_s)}
    for frame in drawn:
        assert frame.time_s == pytest.approx(times_s[frame.number], abs=1e-3)
    assert len({frame.number for frame in drawn}) > 0.7 * len(times_s)
    assert draw_intra_frame(film, seed=3) == draw_intra_frame(film, seed=3)


def test_the_picture_is_the_one_of_its_moment(film: Path) -> None:
    for seed in range(4):
        (shown,) = choose_frames(film, "random", seed)
        level = np.asarray(Image.open(io.BytesIO(shown.picture)).convert("L")).mean()
        assert level == pytest.approx(29.5 + 20 * int(shown.time_s / SHOT_S), abs=8)


def test_shots_give_a_picture_each_of_the_longest(film: Path) -> None:
    shown = choose_frames(film, "shots", 0)
    assert len(shown) == MOST_SHOTS and {each.of for each in shown} == {SHOTS}
    assert len({int(each.time_s / SHOT_S) for each in shown}) == MOST_SHOTS
    assert [each.time_s for each in shown] == sorted(each.time_s for each in shown)


def test_a_file_without_pictures_is_said_to_have_none(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sound.wav", np.zeros(8000), 8000)
    with pytest.raises(MissingStream):
        choose_frames(tmp_path / "sound.wav", "random", 0)


def test_real_films_of_all_containers_give_an_intra_frame(real_media: Path) -> None:
    names = (
        "mdn_interactive-examples/flower.mp4",
        "dmlc_decord/flipping_a_pancake.mkv",
        "mediaelement_mediaelement/grampa-laughing.flv",
        "Zulko_moviepy/big_buck_bunny_0_30.webm",
    )
    for name in names:
        frame = draw_intra_frame(real_media / name, seed=1)
        assert frame.of >= 1 and 0 <= frame.number < frame.of and frame.picture[:2] == b"\xff\xd8"
