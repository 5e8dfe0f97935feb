"""PP-OCRv4's detector of text lines, in any script, run by OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import cv2
import numpy as np

from leitmotif.encoders.encoder import loaded
from leitmotif.weights.resolve import check_wheel, loading_wheel
from leitmotif.weights.wheel_table import PPOCR

MODEL_ID = "ch_PP-OCRv4_det"
REVISION = "rapidocr-onnxruntime-1.4.4"
LICENSE = "Apache-2.0"
RATE_HZ = None  # pictures have no sampling rate
REFERENCE = "Liao et al., Real-time scene text detection with differentiable binarization, arXiv:1911.08947"
COMMERCIAL = "yes"
SETTINGS: dict[str, object] = {}

# Of 736 pixels, PP-OCR's own, a fifth of the time. At 256 small lines over busy pictures are missed, at 384
# drawn figures are taken for text.
_SHORT_SIDE_PX = 320
_MOST_PIXELS = 320 * 800  # however wide the picture
_STRIDE_PX = 32  # of the network
# As in PP-OCR's own postprocessing: https://github.com/PaddlePaddle/PaddleOCR (db_postprocess).
_PIXEL_PROBABILITY, _LINE_PROBABILITY = 0.3, 0.6
_UNCLIP = 1.6  # the network marks the core of a line
_LEAST_SIDE_PX = 3
_MOST_LINES = 200


class PpocrDetector:
    """Finds lines of text in a picture."""

    def __init__(self) -> None:
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights; they run on the CPU, whatever the device.

        Raises:
            BadModel: They are not fetched, or the file is damaged.
        """
        check_wheel(PPOCR)
        with loading_wheel(PPOCR):
            self._net = cv2.dnn.readNetFromONNX(str(PPOCR.path("detector.onnx")))
        return self

    def find_lines(self, picture: np.ndarray) -> list[np.ndarray]:
        """Return the corners of each line of text, float32 (4, 2): x and y as shares of width and height.

        Args:
            picture: uint8 BGR (height, width, 3).
        """
        net = loaded(self._net)
        height, width = _size_of_input(*picture.shape[:2])
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        pixels = (small.astype(np.float32) / 255 - 0.5) / 0.5
        net.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
        probable = net.forward()[0, 0]  # (height, width)
        return [corners / np.array([width, height], np.float32) for corners in lines_of(probable)]


def lines_of(probable: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the corners of each line, float32 (4, 2), pixels, of a map of probabilities, (height, width)."""
    marked = (probable > _PIXEL_PROBABILITY).astype(np.uint8)
    contours, _ = cv2.findContours(marked, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:_MOST_LINES]:
        middle, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _LEAST_SIDE_PX or _mean_within(probable, contour) < _LINE_PROBABILITY:
            continue
        grown = _UNCLIP * width * height / (2 * (width + height))
        box = middle, (width + 2 * grown, height + 2 * grown), angle
        yield np.asarray(cv2.boxPoints(box), np.float32)


def _size_of_input(height: int, width: int) -> tuple[int, int]:
    """Return height and width of the network's input for a picture."""
    scale = min(_SHORT_SIDE_PX / min(height, width), (_MOST_PIXELS / (height * width)) ** 0.5)
    sides = [max(round(side * scale / _STRIDE_PX), 1) * _STRIDE_PX for side in (height, width)]
    longest = _MOST_PIXELS // min(sides) // _STRIDE_PX * _STRIDE_PX  # of a strip a few pixels wide
    return min(sides[0], longest), min(sides[1], longest)


def _mean_within(probable: np.ndarray, contour: np.ndarray) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.drawContours(mask, [contour], -1, 1, cv2.FILLED, offset=(-left, -top))
    return float(cv2.mean(probable[top : top + height, left : left + width], mask)[0])


TEXT_DETECTOR = PpocrDetector
