"""Where a film changes from one shot to the next: cuts, dissolves and fades, from tiny grey pictures.

Frames are compared at 48x27 cells, where neither grain, a codec's noise nor small movement shows, and taken
at 30 a second at most. A few seconds of them are held at a time, whatever the film's length.

Thresholds were chosen on films of `python -m bench.quality.shots`, which measures them on others.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_SIZE = (48, 27)
_LEAST_STEP_S = 0.028  # every frame of 30 a second, every second one of 50 and 60
_BLOCK = 256  # frames that are judged together
_BEHIND, _AHEAD = 128, 24  # frames that must be there before and after one that is judged

# All levels are of 255.
_CUT_LEVELS = 8.0  # beyond what the eight changes around let expect
_CUT_RATIO = 3.0  # of their mean
_CUT_ALIKE = 0.75  # correlation of both sides: a pulse of light leaves the picture what it is
_CUT_REACH = 4  # frames within which a cut is the greatest change
_FLASH_SHARE = 0.5  # of the change that must last: a flash is over after a few frames
_FLASH = range(4, 11)  # frames after (and before) a cut that are compared

_HALF_WIDTHS = (5, 8, 12, 16)  # of dissolves, frames
_BLEND_LEVELS = 16.0  # between both ends
_BLEND_ERROR = 0.7  # of half of that, at most, between a frame and the blend that it should be
_BLEND_PALE = 0.6  # of the contrast that a blend loses, which must be lost in the middle
_BLEND_ALIKE = 0.6  # correlation of both ends, less than which they are different pictures

_FADE_SHARE = 0.25  # of the spread of levels of a whole picture, below which it is fading
_FADE_REACH = 14  # frames
_FADE_DONE = 0.9
_PLAIN_LEVELS = 3.0  # spread of levels in a picture of one colour


@dataclass(frozen=True)
class Shots:
    """The shots of a clip, in order, without the frames in which one passes into the next.

    Attributes:
        starts_s: When each begins, seconds from the start of the clip.
        ends_s: When the last frame of each is shown.
    """

    starts_s: list[float]
    ends_s: list[float]

    @property
    def cuts_per_minute(self) -> float:
        """How often one shot follows another, in whatever way."""
        length_s = self.ends_s[-1] - self.starts_s[0]
        return 60 * (len(self.starts_s) - 1) / length_s if length_s > 0 else 0.0


class ShotFinder:
    """Finds the shots of a clip while its frames pass by."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._start_s = start_s
        self._times_s: list[float] = []
        self._pictures: list[np.ndarray] = []
        self._judged = 0  # how many of these were judged
        self._changes: list[tuple[float, float]] = []  # last frame of one shot, first of the next
        self._first_s: float | None = None
        self._last_s = 0.0

    def see(self, time_s: float, luma: np.ndarray, levels: float) -> None:
        """Take the next frame.

        Args:
            time_s: When it is shown.
            luma: uint8 (height, width).
            levels: Steps between black and white in it, 219 or 255.
        """
        self._last_s = time_s
        if self._first_s is None:
            self._first_s = time_s
        elif time_s - self._times_s[-1] < _LEAST_STEP_S:
            return
        self._times_s.append(time_s)
        self._pictures.append(_tiny(luma, levels))
        if len(self._pictures) >= self._judged + _BLOCK + _AHEAD:
            self._judge(len(self._pictures) - _AHEAD)
            dropped = max(self._judged - _BEHIND, 0)
            del self._times_s[:dropped], self._pictures[:dropped]
            self._judged -= dropped

    def finish(self) -> Shots:
        """Return the shots of what was seen, a frame at least.

        Raises:
            ValueError: Nothing was seen.
        """
        if self._first_s is None:
            raise ValueError("no frame was seen; there is a shot where there is a picture")
        self._judge(len(self._pictures))
        starts, ends = [self._first_s], []
        for last_s, first_s in self._changes:
            ends.append(max(last_s, starts[-1]))
            starts.append(max(first_s, ends[-1]))
        ends.append(max(self._last_s, starts[-1]))
        return Shots(*([max(each - self._start_s, 0.0) for each in times] for times in (starts, ends)))

    def _judge(self, until: int) -> None:
        if until == self._judged:
            return
        for last, first in find_changes(np.stack(self._pictures), self._judged, until):
            last_s, first_s = self._times_s[last], self._times_s[first]
            # A change may be seen twice, the second time from its end.
            if not self._changes or last_s >= sum(self._changes[-1]) / 2:
                self._changes.append((last_s, first_s))
        self._judged = until


def _tiny(luma: np.ndarray, levels: float) -> np.ndarray:
    height, width = luma.shape
    # Every second, fourth ... line is enough for so few cells.
    down, across = max(height // (4 * _SIZE[1]), 1), max(width // (4 * _SIZE[0]), 1)
    cells = cv2.resize(np.ascontiguousarray(luma[::down, ::across]), _SIZE, interpolation=cv2.INTER_AREA)
    return np.ravel(cells).astype(np.float32) * (255.0 / levels)


def find_changes(pictures: np.ndarray, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the changes whose middle lies among some pictures, in order: last frame before, first after.

    Args:
        pictures: float32 (frames, cells), levels of 255.
        begin: The first one in question.
        end: The end of those in question.
    """
    cuts = [(index - 1, index) for index in _cuts(pictures) if begin <= index < end]
    fades = _fades(pictures, begin, end)
    found = fades + [cut for cut in cuts if not any(a <= cut[1] and cut[0] <= b for a, b in fades)]
    sharp = list(found)
    for last, first in _dissolves(pictures, begin, end):
        middle = (last + first) // 2
        if not any(last < b and a < first if b - a == 1 else a < middle < b for a, b in sharp):
            found.append((last, first))
    return sorted(found)


def _gap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the mean difference of pictures in levels, shape (frames,)."""
    return np.abs(one - other).mean(axis=-1)


def _cuts(pictures: np.ndarray) -> list[int]:
    """Return the first frame after each cut."""
    changes = np.zeros(len(pictures), np.float32)
    changes[1:] = _gap(pictures[1:], pictures[:-1])
    above = np.flatnonzero(changes > _CUT_LEVELS).tolist()
    return [index for index in above if _is_cut(pictures, changes, index)]


def _is_cut(pictures: np.ndarray, changes: np.ndarray, index: int) -> bool:
    first = max(index - _CUT_REACH, 1)
    around = changes[first : index + _CUT_REACH + 1]
    change = changes[index]
    usual = (around.sum() - change) / max(len(around) - 1, 1)
    before, after = pictures[index - 1], pictures[index]
    if (
        change < max(around.max(), _CUT_LEVELS + _CUT_RATIO * usual)
        or _correlation(before, after) > _CUT_ALIKE
    ):
        return False
    later = pictures[index + _FLASH.start : index + _FLASH.stop]
    earlier = pictures[max(index - _FLASH.stop, 0) : max(index - _FLASH.start, 0)]
    return not any(
        ((_gap(others, own) < _FLASH_SHARE * change) & (_correlation(others, own) > _CUT_ALIKE)).any()
        for others, own in ((later, before), (earlier, after))
    )


def _dissolves(pictures: np.ndarray, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the ends of each dissolve, those that look most like one."""
    candidates: list[tuple[float, int, int]] = []
    for half in _HALF_WIDTHS:
        middle = np.arange(max(begin, half), min(end, len(pictures) - half))
        middle = middle[_gap(pictures[middle - half], pictures[middle + half]) > _BLEND_LEVELS]
        if not len(middle):
            continue
        one, other = pictures[middle - half], pictures[middle + half]
        gap = _gap(one, other)
        error = np.zeros(len(middle), np.float32)
        for place in (-half // 2, 0, half // 2):
            share = (place + half) / (2 * half)
            error = np.maximum(
                error, _gap(pictures[middle + place], (1 - share) * one + share * other) / (gap / 2)
            )
        alike = _correlation(one, other)
        spreads = one.var(axis=-1), other.var(axis=-1)
        whole = np.minimum(*spreads) > _FADE_SHARE**2 * np.maximum(*spreads)  # else it is half of a fade
        # Two pictures over each other have less contrast than each; one that moves keeps it.
        usual, blended = (spreads[0] + spreads[1]) / 2, ((one + other) / 2).var(axis=-1)
        pale = usual - pictures[middle].var(axis=-1) > _BLEND_PALE * (usual - blended)
        fits = (error < _BLEND_ERROR) & (alike < _BLEND_ALIKE) & whole & pale
        candidates += [
            (float((error[i] - 1) * gap[i]), int(middle[i] - half), int(middle[i] + half))
            for i in np.flatnonzero(fits)
        ]
    found: list[tuple[int, int]] = []
    for _, last, first in sorted(candidates):
        if not any(a <= first and last <= b for a, b in found):
            found.append((last, first))
    return found


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = one - one.mean(axis=-1, keepdims=True), other - other.mean(axis=-1, keepdims=True)
    both = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return (one * other).sum(axis=-1) / np.maximum(both, 1e-3)


def _fades(pictures: np.ndarray, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the ends of each fade through a plain picture, which is over among the pictures in question."""
    spread = pictures.std(axis=-1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], spread < _PLAIN_LEVELS, [False]])))
    found = []
    for index, stop in edges.reshape(-1, 2):
        if not begin <= stop < end:
            continue
        before, after = spread[max(index - _FADE_REACH, 0) : index], spread[stop : stop + _FADE_REACH]
        if min(before.max(initial=0), after.max(initial=0)) < _PLAIN_LEVELS / _FADE_SHARE:
            continue  # dark from the start, to the end, or all the time
        last = index - len(before) + int(np.flatnonzero(before >= _FADE_DONE * before.max())[-1])
        found.append((last, stop + int(np.argmax(after >= _FADE_DONE * after.max()))))
    return found
