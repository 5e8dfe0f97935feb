"""Reading what can be described, and saying what is wrong with the rest."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leitmotif.media.mux import write_video
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.train_mmdm import inputs
from leitmotif.train_mmdm.inputs import BadInput, decode_frames, read_input, read_text


@pytest.fixture(scope="module")
def worker() -> Iterator[SandboxedWorker]:
    with SandboxedWorker() as worker:
        yield worker


def grey(level: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def levels(frames: tuple[Image.Image, ...]) -> list[float]:
    return [float(np.asarray(frame, np.float32).mean()) for frame in frames]


def test_a_video_gives_frames_spread_over_its_length(tmp_path: Path, worker: SandboxedWorker) -> None:
    film = tmp_path / "film.mp4"
    write_video(
        film, [grey(2 * number) for number in range(100)], np.zeros((2, 4 * 44100), np.float32), fps=25
    )
    shown = read_input(film, 4, worker)
    assert (shown.kind, shown.name, len(shown.frames)) == ("video", str(film), 4)
    assert levels(shown.frames) == pytest.approx([12, 62, 112, 162], abs=6)
    assert {(frame.mode, frame.size) for frame in shown.frames} == {("RGB", (64, 48))}


def test_a_folder_of_pictures_is_one_input_in_the_order_of_its_numbers(
    tmp_path: Path, worker: SandboxedWorker
) -> None:
    for number in (10, 9, 1, 2):
        Image.fromarray(grey(10 * number)).save(tmp_path / f"Frame-{number}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_text("not a picture either")
    shown = read_input(tmp_path, 10, worker)
    assert shown.kind == "folder" and levels(shown.frames) == [10, 20, 90, 100]
    assert levels(read_input(tmp_path, 2, worker).frames) == [20, 100]


def test_a_picture_is_read_upright_in_colour_and_smaller(tmp_path: Path, worker: SandboxedWorker) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.fromarray(grey(80, width=1800, height=900)).save(tmp_path / "large.jpg", exif=exif)
    Image.new("RGBA", (20, 10), (200, 0, 0, 255)).save(tmp_path / "small.webp", lossless=True)
    large, small = (read_input(tmp_path / name, 10, worker) for name in ("large.jpg", "small.webp"))
    assert (large.kind, large.frames[0].size) == ("image", (448, 896))
    assert small.frames[0].size == (20, 10) and small.frames[0].getpixel((3, 3)) == (200, 0, 0)


def write_wrong(folder: Path) -> None:
    (folder / "text.mp4").write_text("This is a text and no film at all.\n" * 9)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (folder / "text.jpg").write_text("no picture")
    (folder / "nothing").mkdir()
    (folder / "films").mkdir()
    (folder / "films" / "a.mp4").write_bytes(b"")
    (folder / "one-broken").mkdir()
    Image.fromarray(grey(10)).save(folder / "one-broken" / "1.png")
    whole = (folder / "one-broken" / "1.png").read_bytes()
    (folder / "one-broken" / "2.png").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.mp4", "no such file or folder exists"),
        ("text.mp4", "holds text ('This is a text"),
        ("text.mp4", "texts that are given by --text TEXT"),
        ("empty.mp4", "empty"),
        ("broken.png", "is no readable picture (UnidentifiedImageError); expected a whole picture file"),
        ("text.jpg", "is no readable picture"),
        ("nothing", "with nothing in it; expected pictures (.jpg .jpeg"),
        ("films", "with 1 other files in it; expected pictures"),
        ("one-broken", "2.png': is no readable picture"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(
    name: str, said: str, tmp_path: Path, worker: SandboxedWorker
) -> None:
    write_wrong(tmp_path)
    with pytest.raises(BadInput) as raised:
        read_input(tmp_path / name, 10, worker)
    message = str(raised.value)
    assert said in message and name in message and "\n" not in message


def test_a_decoder_that_hangs_is_stopped(
    tmp_path: Path, worker: SandboxedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "slow.png")
    monkeypatch.setattr(inputs, "LIMIT_S", 0.3)
    with pytest.raises(BadInput, match=r"slow\.png.*ran longer than 0\.3 s and was stopped"):
        read_input(tmp_path / "slow.png", 10, worker)


def test_an_empty_text_is_refused() -> None:
    assert read_text("  a poem \n").text == "a poem"
    with pytest.raises(BadInput, match="got an empty text"):
        read_text(" \n")


def test_a_damaged_frame_of_a_dataset_is_named() -> None:
    with pytest.raises(BadInput, match="frame 0 of 'clip' is no readable picture"):
        decode_frames([b"\xff\xd8\xff\xe0 damaged"], "clip")


def test_real_films_are_read(real_media: Path, worker: SandboxedWorker) -> None:
    found = {
        name: [frame.size for frame in read_input(real_media / name, 10, worker).frames]
        for name in ("mdn_interactive-examples/flower.mp4", "NVIDIA-NeMo_Curator/test_video.mp4")
    }
    assert list(found.values()) == [[(796, 448)] * 10, [(320, 180)] * 7]


@pytest.mark.parametrize(
    "name", ["Zulko_moviepy/result.webm", "androidx_media/bbb_1ch_12kHz_q10_vorbis.webm"]
)
def test_real_files_of_sound_alone_are_refused(real_media: Path, worker: SandboxedWorker, name: str) -> None:
    with pytest.raises(BadInput, match=Path(name).stem):
        read_input(real_media / name, 10, worker)
