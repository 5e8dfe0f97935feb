from pathlib import Path

import cv2
import numpy as np
import pytest

from leitmotif.encoders.ppocr import PpocrDetector, _size_of_input, lines_of
from leitmotif.weights.resolve import BadModel
from leitmotif.weights.wheel_table import PPOCR


def test_a_mark_becomes_a_line_that_is_grown_and_a_faint_one_none() -> None:
    probable = np.zeros((96, 192), np.float32)
    probable[40:50, 50:130] = 0.9
    probable[70:80, 20:60] = 0.45
    (line,) = lines_of(probable)
    (left, top), (right, bottom) = line.min(axis=0), line.max(axis=0)
    # 80x10 pixels, grown by 1.6 * 80 * 10 / (2 * 90) = 7.1 on each side.
    assert (left, top, right, bottom) == pytest.approx((43, 33, 136, 56), abs=1.5)


@pytest.mark.parametrize("shape", [(1080, 1920), (2, 8192), (8192, 1), (200, 1840), (64, 64), (90, 120)])
def test_what_the_network_sees_is_bounded_whatever_the_picture(shape: tuple[int, int]) -> None:
    height, width = _size_of_input(*shape)
    assert height % 32 == width % 32 == 0 and 32 * 32 <= height * width <= 320 * 800
    assert (height >= width) == (shape[0] >= shape[1])


def test_weights_that_are_not_fetched_are_named_with_the_command() -> None:
    with pytest.raises(BadModel, match="fetch-models --only ppocr"):
        PpocrDetector().load()


def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    PPOCR.folder.mkdir()
    for member in PPOCR.members:
        PPOCR.path(member.name).write_bytes(bytes(member.size_bytes))
    with pytest.raises(BadModel, match=r"delete that folder and run `leitmotif .*--only ppocr`") as caught:
        PpocrDetector().load()
    assert "\n" not in str(caught.value)


def test_lines_of_text_are_found_in_pictures_of_every_form(fetched_models: Path) -> None:
    detector = PpocrDetector().load()
    for width, height in ((640, 360), (360, 640), (1840, 200), (120, 90)):
        picture = np.full((height, width, 3), (90, 60, 40), np.uint8)
        assert detector.find_lines(picture) == []
        scale = width / 640
        place = (round(0.1 * width), round(0.55 * height))
        written = cv2.putText(
            picture,
            "hold the night",
            place,
            cv2.FONT_HERSHEY_SIMPLEX,
            2 * scale if width < 1000 else 2,
            (255, 255, 255),
            max(round(4 * scale), 1),
        )
        found = detector.find_lines(written)
        assert found and all(line.shape == (4, 2) for line in found)
        assert np.concatenate(found)[:, 0].min() >= 0.05 and np.concatenate(found)[:, 1].max() < 0.95
        again = detector.find_lines(written)
        assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
