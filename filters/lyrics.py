"""Lyrics videos: lines of text in most of the key frames, other ones all the time, set for whoever watches.

A title, a watermark, a time code, subtitles of some scenes and closing credits are none: they stand for a
while, stay what they are, are small, or come in few of the frames. Signs that pass by come from anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters.rule import SHARE, Candidate, Judged, ReadColumn, Rule

if TYPE_CHECKING:
    from leitmotif.encoders.encoder import TextDetector

Numbers = Any  # a number, or an array of them

# Shares of frames, widths and pictures, chosen on films of `python -m bench.quality.lyrics`, which measures
# the rule on others.
MOST_FRAMES = 0.6  # that show text, below which a film is none of lyrics
_OFF_MIDDLE = 0.14  # of lines from the middle, at most, if they do not stand
_ONE_PLACE = 0.9  # of the frames with text, at least, that have some at one place, if it is not in the middle
_LEAST_AREA = 0.015  # of a picture, over all lines: less is what a drum kit has of them
_LEAST_NEW_AREA = 0.0105
_SLENDER = 1.6  # of a line's box, width over height: a round thing is no line
_THICKEST = 0.35  # of a line's box, share of the picture's short side: a dog is no line
_SHORT_SIDE_PX = 256
_PLAY_PX = 24  # by which a line may have moved: a title in shot, filmed by hand
_RIM = 0.15  # of a line's height, where the edges of a box that stays may be
_SAME = 0.5  # correlation of the edges of what did not change
_PLACES = (32, 18)  # across and down, in which lines are placed


@dataclass(frozen=True)
class TextOnScreen:
    """How much text the key frames of a clip show, and where.

    Attributes:
        text_share: Share of the frames that show lines of text.
        new_text_share: Share of the frames but for the first with lines where the one before had others.
        text_area: Share of the picture that lines take, in the mean over all frames.
        text_off_middle: Distance of lines from the middle, share of the width; 0, as what follows, without.
        text_at_one_place: Greatest share of the frames with text that have some at one and the same place.
    """

    text_share: float
    new_text_share: float
    text_area: float
    text_off_middle: float
    text_at_one_place: float


def is_set(text_share: Numbers, text_off_middle: Numbers, text_at_one_place: Numbers) -> Numbers:
    """Return whether text is shown most of the time, and set to be read: in the middle, or at one place."""
    return (text_share >= MOST_FRAMES) & (
        (text_off_middle <= _OFF_MIDDLE) | (text_at_one_place >= _ONE_PLACE)
    )


def _new_where_set(_clips: Sequence[Candidate], read: ReadColumn) -> Judged:
    """Return the share of frames with new text of clips with text that is set; 0 of others."""
    new = pc.cast(read("new_text_share"), pa.float64())
    columns = ("text_share", "text_off_middle", "text_at_one_place")
    text = is_set(*(np.asarray(pc.fill_null(pc.cast(read(name), pa.float64()), 0.0)) for name in columns))
    unknown = pa.nulls(len(new), pa.float64())
    judged = pc.if_else(pc.is_valid(new), pc.if_else(pa.array(text), new, 0.0), unknown)
    return Judged(judged, [None] * len(judged))


RULES = (
    Rule(
        name="lyrics",
        stage="overlay-text",
        column="new_text_share",
        keep="at most",
        threshold=0.35,  # four of ten frames: a clock, or a pale logo over what moves, is new at times
        unit="share of key frames",
        domain=SHARE,
        why="a lyrics video: text in most key frames, and other text all the time",
        finding="{} of the key frames show new lines of text",
        reference="Visuals Music Bridge, section 4.1: lyrics videos are removed",
        values=_new_where_set,
    ),
)


def measure_text(pictures: Sequence[np.ndarray], detector: TextDetector) -> TextOnScreen:
    """Measure how much text key frames show, and how much of it is new.

    Args:
        pictures: uint8 BGR (height, width, 3), in order, one at least.
        detector: Finds lines of text; loaded.
    """
    shown, new, areas, placed = [], [], [], []
    before: np.ndarray | None = None
    for picture in pictures:
        edges = _edges(picture)
        lines = [corners for corners in detector.find_lines(picture) if _is_line(corners, picture.shape)]
        areas.append(min(sum(map(_area, lines)), 1.0))
        shown.append(areas[-1] >= _LEAST_AREA)
        placed += [lines] if shown[-1] else []
        if before is not None:
            fresh = sum(_area(corners) for corners in lines if _is_new(corners, edges, before))
            new.append(shown[-1] and fresh >= _LEAST_NEW_AREA)
        before = edges
    return TextOnScreen(
        text_share=float(np.mean(shown)),
        new_text_share=float(np.mean(new)) if new else 0.0,
        text_area=float(np.mean(areas)),
        text_off_middle=_off_middle([corners for lines in placed for corners in lines]),
        text_at_one_place=_at_one_place(placed),
    )


def _off_middle(lines: Sequence[np.ndarray]) -> float:
    """Return how far lines are from the middle, the larger ones counting more."""
    if not lines:
        return 0.0
    return float(
        np.average([abs(corners[:, 0].mean() - 0.5) for corners in lines], weights=[*map(_area, lines)])
    )


def _at_one_place(frames: Sequence[Sequence[np.ndarray]]) -> float:
    """Return the share of frames that have a line at the place where most have one."""
    covered = np.zeros(_PLACES[::-1], int)
    for lines in frames:
        marked = np.zeros(_PLACES[::-1], np.uint8)
        for corners in lines:
            cv2.fillPoly(marked, [np.round(corners * _PLACES * 16).astype(np.int32)], 1, shift=4)
        covered += marked
    return float(covered.max() / max(len(frames), 1))


def _edges(picture: np.ndarray) -> np.ndarray:
    """Return the strength of edges, float32 (height, width), small."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    scale = _SHORT_SIDE_PX / min(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def _is_line(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    sides = np.linalg.norm((corners - np.roll(corners, -1, axis=0)) * (shape[1], shape[0]), axis=1)
    return bool(_SLENDER * sides.min() <= sides.max() and sides.min() <= _THICKEST * min(shape[:2]))


def _area(corners: np.ndarray) -> float:
    """Return the share of the picture."""
    return float(cv2.contourArea(corners.astype(np.float32)))


def _is_new(corners: np.ndarray, edges: np.ndarray, before: np.ndarray) -> bool:
    """Whether the picture before showed something else where a line stands."""
    if edges.shape != before.shape:
        return True
    size = np.array(edges.shape[::-1])  # (width, height)
    low, high = corners.min(axis=0) * size, corners.max(axis=0) * size
    rim = _RIM * (high - low).min()
    left, top = np.clip(np.floor(low + rim).astype(int), 0, size - 1)
    right, bottom = np.clip(np.ceil(high - rim).astype(int), (left + 1, top + 1), size)
    line = edges[top:bottom, left:right]
    around = before[
        max(top - _PLAY_PX, 0) : bottom + _PLAY_PX,
        max(left - _PLAY_PX, 0) : right + _PLAY_PX,
    ]
    return float(cv2.matchTemplate(around, line, cv2.TM_CCOEFF_NORMED).max()) < _SAME
