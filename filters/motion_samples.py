"""What a few moments of a film show: how much changes, and whether a camera move over a still explains it.

A moment is three small grey pictures: now, a little later (`SOON_S`) and later (`LATER_S`). Changes are
counted in cells of the picture, whose means neither film grain nor a codec's noise moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SOON_S = 0.4  # longer than a repeated frame of slow animation, shorter than most cross fades
LATER_S = 1.2  # a slow zoom has moved edges by a pixel; a person has moved visibly
LONG_SIDE_PX = 192
_CELL_PX = 6
# Mean grey levels (of 255) that a cell must differ by. Grain of 5 levels leaves 0.3 in a cell, H.264 below 1.
_CHANGE_LEVELS = 2.5
_FLAT_LEVELS = 5  # a gradient that nobody sees as texture
_HARD_LEVELS = 30  # the edge of a letter; soft light and texture stay below
_MAX_UNEXPLAINED = 0.05  # share of cells that resampling leaves different after a perfect alignment
_MAX_RATIO = 0.75  # of the difference, after the camera move over that before
_NOISE_LEVELS = 0.3
_MIN_SIDE_PX = 16


@dataclass(frozen=True)
class MotionSample:
    """What one moment shows, all shares of the picture.

    Attributes:
        changed_soon: Cells that differ after `SOON_S`.
        changed_later: Cells that differ after `LATER_S`.
        camera_only: 1 if one shift, turn, zoom and light change explain what differs, else 0.
    """

    changed_soon: float
    changed_later: float
    camera_only: float


def shrink(luma: np.ndarray, levels: float, *, long_side_px: int = LONG_SIDE_PX) -> np.ndarray:
    """Return a small uint8 copy of a luma plane where black to white is 255 levels; never larger than it.

    Args:
        luma: uint8 (height, width).
        levels: Steps between black and white in it, 219 or 255.
        long_side_px: Longer side of the copy.
    """
    height, width = luma.shape
    while max(height, width) >= 2 * long_side_px and min(height, width) >= 2:
        height, width = height // 2, width // 2  # halving is many times cheaper than one odd step
        luma = cv2.resize(luma[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    scale = long_side_px / max(luma.shape)
    if scale < 1:
        size = (max(round(luma.shape[1] * scale), 1), max(round(luma.shape[0] * scale), 1))
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return cv2.convertScaleAbs(luma, alpha=255.0 / levels) if levels != 255 else luma.copy()


def compare(now: np.ndarray, soon: np.ndarray, later: np.ndarray) -> MotionSample:
    """Measure what changes between three pictures of one size, uint8 (height, width) from `shrink`."""
    cells = _cells(now)
    after = _cells(later)
    changed_later = _changed(cells, after)
    return MotionSample(
        changed_soon=_changed(cells, _cells(soon)),
        changed_later=changed_later,
        camera_only=float(_camera_explains(now, later, after, changed_later)),
    )


def _cells(picture: np.ndarray) -> np.ndarray:
    """Return the mean level of each cell, float32 (rows, columns)."""
    height, width = picture.shape
    size = (max(round(width / _CELL_PX), 1), max(round(height / _CELL_PX), 1))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _changed(before: np.ndarray, after: np.ndarray) -> float:
    return float((np.abs(before - after) > _CHANGE_LEVELS).mean())


def plain_share(luma: np.ndarray, levels: float) -> float:
    """Return the share that is flat or at a hard edge: near 1 for text and shapes on a plain ground.

    Photographs and films have texture (soft gradients away from hard edges), also where a small lit figure
    stands in the dark.

    Args:
        luma: uint8 (height, width).
        levels: Steps between black and white in it, 219 or 255.
    """
    if min(luma.shape) < 3:
        return 1.0
    # At this size strokes of letters are a few pixels wide, and the noise of a codec is averaged away.
    smooth = cv2.GaussianBlur(shrink(luma, levels, long_side_px=2 * LONG_SIDE_PX), (3, 3), 0)
    edges = cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    hard = cv2.dilate((edges > _HARD_LEVELS).astype(np.uint8), np.ones((5, 5), np.uint8))
    flat = edges <= _FLAT_LEVELS
    soft = float((~flat & (hard == 0)).mean())
    # A ground must be there: a picture that is all edges (leaves, noise) is no drawing.
    return min(1.0 - soft, float(flat.mean()) + 0.5)


def _camera_explains(now: np.ndarray, later: np.ndarray, after: np.ndarray, changed: float) -> bool:
    """Whether `now`, moved as one sheet and lit differently, is `later`."""
    if min(now.shape) < _MIN_SIDE_PX or changed < _MAX_UNEXPLAINED / 10:
        return False
    matrix = _camera_move(now, later)
    if matrix is None:
        return False
    size = (now.shape[1], now.shape[0])
    moved = _cells(cv2.warpAffine(now, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    seen = _cells(cv2.warpAffine(np.full_like(now, 255), matrix, size)) > 250
    if seen.mean() < 0.3:
        return False
    before = _cells(now)[seen]
    moved, after = _relight(moved[seen], after[seen]), after[seen]
    left = np.abs(moved - after)
    ratio = (left.mean() + _NOISE_LEVELS) / (np.abs(before - after).mean() + _NOISE_LEVELS)
    return bool(ratio < _MAX_RATIO and (left > _CHANGE_LEVELS).mean() < _MAX_UNEXPLAINED)


def _camera_move(now: np.ndarray, later: np.ndarray) -> np.ndarray | None:
    """Return the shift, turn and zoom (2, 3) that most corners follow, or None where corners are few."""
    corners = cv2.goodFeaturesToTrack(now, 48, 0.02, 6)
    if corners is None or len(corners) < 8:
        return None
    found, status, _ = cv2.calcOpticalFlowPyrLK(now, later, corners, None, winSize=(13, 13), maxLevel=2)
    kept = status[:, 0] > 0
    if kept.sum() < 8:
        return None
    matrix, _ = cv2.estimateAffinePartial2D(
        corners[kept], found[kept], method=cv2.RANSAC, ransacReprojThreshold=0.6, maxIters=200
    )
    return matrix


def _relight(cells: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return cells with the brightness and contrast of the target, by least squares."""
    middle, aim = float(cells.mean()), float(target.mean())
    spread = float(np.square(cells - middle).sum())
    gain = float(((cells - middle) * (target - aim)).sum()) / spread if spread > 1 else 1.0
    return (cells - middle) * np.clip(gain, 0.5, 2.0) + aim
