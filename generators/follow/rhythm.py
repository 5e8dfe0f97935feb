"""What happens in a film, and when: cuts, dissolves and flashes, to the frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from leitmotif.filters.shots import ShotFinder, Shots
from leitmotif.media.video import iter_frames
from leitmotif.media.video_decoder import luma_levels, luma_plane

# Small pictures at the full frame rate: fine enough for a limb, and quick to compare.
_SIZE = (96, 54)
# How much a moment matters, beside a cut.
WEIGHTS = {"cut": 1.0, "dissolve": 0.7, "flash": 0.5}
# Of shots that follow each other with no more between them than one frame that was left out, there is a cut.
_CUT_S, _CUT_FRAMES = 0.034, 1
# A flash: light rises by a share of full scale within two frames, and most of that is gone soon.
_FLASH_RISE, _FLASH_GONE, _FLASH_S = 0.08, 0.5, 0.5
_FLASH_APART_S = 0.2  # of two flashes, and of a flash from a cut, which may be one of light, too


@dataclass(frozen=True)
class Event:
    """Something that is seen.

    Attributes:
        time_s: When, from the start of the film; of a dissolve its middle.
        kind: A key of `WEIGHTS`, or "motion".
        weight: How much it matters, 0 to 1.
    """

    time_s: float
    kind: str
    weight: float


def watch_cuts(path: Path) -> list[Event]:
    """Return the cuts, dissolves, fades and flashes of a film in order.

    Every frame is decoded. A cut is when the first frame of the new shot is shown.

    Args:
        path: The film.

    Raises:
        Unreadable, NotMedia, MissingStream, DecodeFailed: Its pictures cannot be read.
    """
    finder = ShotFinder()
    curves = Curves()
    for time_s, frame in iter_frames(path):
        luma, levels = luma_plane(frame), luma_levels(frame)
        finder.see(time_s, luma, levels)
        curves.see(time_s, luma, levels)
    changes = changes_of(finder.finish(), curves)
    flashes = [
        Event(time_s, "flash", WEIGHTS["flash"])
        for time_s in _flashes(curves)
        if not any(abs(time_s - change.time_s) < _FLASH_APART_S for change in changes)
    ]
    return sorted([*changes, *flashes], key=lambda event: event.time_s)


class Curves:
    """How a picture changes from frame to frame, and how light it is.

    Attributes:
        times_s: When each frame is shown.
        changes: Mean absolute difference to the frame before, as a share of full scale.
        light: Mean luma, as a share of full scale.
    """

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self.changes: list[float] = []
        self.light: list[float] = []
        self._before: np.ndarray | None = None

    def see(self, time_s: float, luma: np.ndarray, levels: float) -> None:
        """Take the next frame; see `leitmotif.filters.shots.ShotFinder.see`."""
        height, width = luma.shape
        down, across = max(height // (2 * _SIZE[1]), 1), max(width // (2 * _SIZE[0]), 1)
        lines = np.ascontiguousarray(luma[::down, ::across])
        small = cv2.resize(lines, _SIZE, interpolation=cv2.INTER_AREA)
        gap = 0.0 if self._before is None else cv2.norm(self._before, small, cv2.NORM_L1) / small.size
        self._before = small
        self.times_s.append(time_s)
        self.changes.append(gap / levels)
        self.light.append(float(small.mean()) / levels)


def changes_of(shots: Shots, curves: Curves) -> list[Event]:
    """Return when shots follow each other; a cut at the frame with the greatest change."""
    times_s = np.array(curves.times_s)
    found = []
    for last_s, first_s in zip(shots.ends_s[:-1], shots.starts_s[1:], strict=True):
        last, first = np.searchsorted(times_s, (last_s + 1e-6, first_s + 1e-6)) - 1
        if first_s - last_s <= _CUT_S or first - last <= _CUT_FRAMES:
            place = last + 1 + int(np.argmax(curves.changes[last + 1 : first + 1] or [0.0]))
            time_s, kind = float(times_s[min(place, first)]), "cut"
        else:
            time_s, kind = (last_s + first_s) / 2, "dissolve"
        found.append(Event(time_s, kind, WEIGHTS[kind]))
    return found


def _flashes(curves: Curves) -> list[float]:
    """Return when it flashes: the lightest frame of each flash."""
    times_s, light = np.array(curves.times_s), np.array(curves.light)
    if len(light) < 3:
        return []
    rise = light - np.concatenate(
        [light[:1], np.minimum(light[:-1], np.concatenate([light[:1], light[:-2]]))]
    )
    found: list[int] = []
    for index in np.flatnonzero(rise > _FLASH_RISE).tolist():
        end = int(np.searchsorted(times_s, times_s[index] + _FLASH_S, side="right"))
        if end >= len(light):
            continue  # nobody knows whether it would have gone
        top = index + int(np.argmax(light[index:end]))
        before = light[index] - rise[index]
        gone = light[top:end].min() < light[top] - _FLASH_GONE * (light[top] - before)
        if gone and not (found and times_s[top] - times_s[found[-1]] < _FLASH_APART_S):
            found.append(top)
    return [float(times_s[index]) for index in found]


def thinned(events: list[Event], apart_s: float) -> list[Event]:
    """Return events with some time between any two; of near ones that which matters most, or comes first."""
    kept: list[Event] = []
    for event in events:
        if kept and event.time_s - kept[-1].time_s < apart_s:
            if event.weight > kept[-1].weight:
                kept[-1] = event
            continue
        kept.append(event)
    return kept
