"""Videos that only pretend to move: static pictures, slide shows, zooms into stills, text on a plain ground.

The mean pixel difference of Visuals Music Bridge alone lets the last three pass, so a few more numbers are
measured at moments spread over the clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from leitmotif.filters.motion_samples import LATER_S, SOON_S, MotionSample, compare, plain_share, shrink
from leitmotif.filters.rule import SHARE, Rule
from leitmotif.filters.shots import ShotFinder
from leitmotif.media.timeline import packets_end_s
from leitmotif.media.video import read_window
from leitmotif.media.video_decoder import VideoDecoder, luma_levels, luma_plane

_VMB = "Visuals Music Bridge, section 4.1: static and lyrics videos are removed by pixel difference"
_MOMENTS = (12, 48)  # of the exact mode: at least, at most; between them one a second
_WINDOWS = 12  # of the sampled mode
_PLAIN_EVERY = 4  # moments: whether a clip is drawn shows in a few pictures
_FROZEN = 0.004  # share of cells: two of a 32x18 grid, a clock or a cursor
# Sampling estimates shares from few windows: a number this near its threshold is measured exactly instead.
_NEAR = {"mean": 2.0, "still_share": 0.17, "spread": 2.0, "camera_share": 0.17, "plain_share": 0.004}

RULES = (
    Rule(
        name="motion",
        stage="motion",
        column="mean",
        keep="at least",
        threshold=0.0001,
        unit="share of full scale",
        domain=SHARE,
        why="a static picture: consecutive frames hardly differ",
        finding="the picture changes by {} from frame to frame",
        reference=_VMB,
    ),
    Rule(
        name="still-frames",
        stage="motion",
        column="still_share",
        keep="at most",
        threshold=0.5,
        unit="share of moments",
        domain=SHARE,
        why="a slide show or lyrics over a still: frozen most of the time",
        finding="the picture stands still in {} of the moments",
        reference=_VMB,
    ),
    Rule(
        name="spread",
        stage="motion",
        column="spread",
        keep="at least",
        threshold=0.026,
        unit="share of the picture",
        domain=SHARE,
        why="only a small spot of the picture ever changes: a cover with a visualiser, a cursor, a counter",
        finding="{} of the picture changes",
    ),
    Rule(
        name="zoom",
        stage="motion",
        column="camera_share",
        keep="at most",
        threshold=0.3,
        unit="share of moments",
        domain=SHARE,
        why="a slow zoom or pan over stills: one camera move explains all that changes",
        finding="one camera move explains {} of the moments",
    ),
    Rule(
        name="text",
        stage="motion",
        column="plain_share",
        keep="at most",
        threshold=0.99,
        unit="share of the picture",
        domain=SHARE,
        why="text or drawn shapes on a plain ground: flat areas and hard edges, nothing else",
        finding="{} of the picture is flat areas and hard edges",
        reference=_VMB,
    ),
)


@dataclass(frozen=True)
class Motion:
    """How much and in what way a clip moves.

    Attributes:
        mean: Mean absolute difference of luma between consecutive frames, 0 to 1.
        still_share: Share of the moments at which nothing changes within 0.4 s.
        spread: Share of the picture that changes within 1.2 s, at the median moment.
        camera_share: Share of the moments at which a shift, turn and zoom of the picture explain the change.
        plain_share: Share of the picture that is flat or a hard edge, at the median moment.
        frames: How many frames were decoded.
        exact: False if the numbers are estimates from sampled windows.
        shots: How many shots there are; None, as of what follows, of sampled windows, which miss most cuts.
        cuts_per_minute: How often one shot follows another.
        shot_starts_s: When each begins, seconds from the start of the clip.
        shot_ends_s: When the last frame of each is shown.
    """

    mean: float
    still_share: float
    spread: float
    camera_share: float
    plain_share: float
    frames: int
    exact: bool
    shots: int | None = None
    cuts_per_minute: float | None = None
    shot_starts_s: list[float] | None = None
    shot_ends_s: list[float] | None = None


def measure_motion(
    path: Path | str,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    mode: Literal["exact", "sampled"] = "exact",
) -> Motion:
    """Measure how a clip moves.

    Args:
        path: A video file.
        start_s: Begin of the window.
        duration_s: Length of the window; None takes the rest.
        mode: "exact" decodes every frame. "sampled" decodes a dozen short windows, and everything only if the
            clip is short or a number comes near the threshold of its rule.

    Raises:
        Unreadable, NotMedia, MissingStream, DecodeFailed: If the pictures cannot be read.
    """
    if mode not in ("exact", "sampled"):
        raise ValueError(f"mode is {mode!r}; expected 'exact' or 'sampled'")
    with VideoDecoder(path) as reader:
        extent_s = _window_extent_s(reader, start_s, duration_s)
        if mode == "sampled" and extent_s > 3 * _WINDOWS * LATER_S:
            estimate = _measure_sampled(reader, start_s, extent_s)
            if estimate is not None and not _near_a_threshold(estimate):
                return estimate
            reader.rewind()
        return _measure_exact(reader, start_s, duration_s, extent_s)


def _window_extent_s(reader: VideoDecoder, start_s: float, duration_s: float | None) -> float:
    """Return how much video the window holds as far as the headers know, in seconds."""
    whole_s = reader.extent_s
    if whole_s is None:
        whole_s = packets_end_s(reader.path) or 0.0
    rest_s = max(whole_s - start_s, 0.0)
    return rest_s if duration_s is None else min(duration_s, rest_s)


class _Moments:
    """Collects the small pictures that moments need while frames pass by, and compares them."""

    def __init__(self, starts_s: list[float]):
        wanted = [
            (start_s + lag_s, index)
            for index, start_s in enumerate(starts_s)
            for lag_s in (0.0, SOON_S, LATER_S)
        ]
        self._wanted = sorted(wanted, reverse=True)
        self._pictures: dict[int, list[np.ndarray]] = {}
        self.done: list[MotionSample] = []
        self.plain: list[float] = []

    def see(self, time_s: float, frame: object, luma: np.ndarray) -> None:
        """Take what is wanted from the frame shown at a moment."""
        if not self._wanted or time_s < self._wanted[-1][0] - 1e-3:
            return
        picture = shrink(luma, luma_levels(frame))
        while self._wanted and time_s >= self._wanted[-1][0] - 1e-3:
            index = self._wanted.pop()[1]
            if index not in self._pictures and index % _PLAIN_EVERY == 0:
                self.plain.append(plain_share(luma, luma_levels(frame)))
            self._take(index, picture)

    def finish(self, frame: object, luma: np.ndarray) -> None:
        """Complete the moments that the end of the clip cut off, with the last frame."""
        if self._pictures:
            picture = shrink(luma, luma_levels(frame))
            for index in list(self._pictures):
                while index in self._pictures:
                    self._take(index, picture)

    def _take(self, index: int, picture: np.ndarray) -> None:
        pictures = self._pictures.setdefault(index, [])
        pictures.append(picture)
        if len(pictures) == 3:
            del self._pictures[index]
            if len({one.shape for one in pictures}) == 1:  # not over a change of size in the middle of a file
                self.done.append(compare(*pictures))


def _measure_exact(reader: VideoDecoder, start_s: float, duration_s: float | None, extent_s: float) -> Motion:
    last_s = max(extent_s - LATER_S, 0.0)
    count = int(np.clip(round(extent_s), *_MOMENTS))
    moments = _Moments(sorted({start_s + last_s * index / (count - 1) for index in range(count)}))
    differences, finder = _Differences(), ShotFinder(start_s)
    frames = 0
    for time_s, frame in read_window(reader, start_s=start_s, duration_s=duration_s):
        luma = luma_plane(frame)
        differences.add(frame, luma)
        moments.see(time_s, frame, luma)
        finder.see(time_s, luma, luma_levels(frame))
        frames += 1
    moments.finish(frame, luma)  # there is a frame: without one, reading raises
    motion = _summarise(differences, moments.done, moments.plain, frames, exact=True)
    shots = finder.finish()
    return replace(
        motion,
        shots=len(shots.starts_s),
        cuts_per_minute=shots.cuts_per_minute,
        shot_starts_s=shots.starts_s,
        shot_ends_s=shots.ends_s,
    )


class _Differences:
    """Mean absolute difference of consecutive luma planes; holds on to the one before, copies none."""

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._total, self._pairs = 0.0, 0

    def add(self, frame: object, luma: np.ndarray) -> None:
        before, self._before = self._before, luma
        if before is not None and before.shape == luma.shape:
            self._total += cv2.norm(before, luma, cv2.NORM_L1) / (luma.size * luma_levels(frame))
            self._pairs += 1

    def skip(self) -> None:
        """Say that the next frame does not follow the one before."""
        self._before = None

    @property
    def mean(self) -> float:
        return self._total / self._pairs if self._pairs else 0.0


def _measure_sampled(reader: VideoDecoder, start_s: float, extent_s: float) -> Motion | None:
    """Estimate from windows that begin at key frames before evenly spread moments; None without seeking."""
    differences = _Differences()
    done: list[MotionSample] = []
    plain: list[float] = []
    frames, reached_s = 0, -np.inf
    for index in range(_WINDOWS):
        target_s = start_s + (extent_s - 2 * LATER_S) * (index + 0.5) / _WINDOWS
        if not reader.seek(target_s):
            return None
        differences.skip()
        window = _window(reader, max(start_s, reached_s))
        moments: _Moments | None = None
        for time_s, frame in window:
            luma = luma_plane(frame)
            moments = moments or _Moments([time_s])
            differences.add(frame, luma)
            moments.see(time_s, frame, luma)
            frames, reached_s = frames + 1, time_s
        if moments is not None:
            moments.finish(frame, luma)
            done += moments.done
            plain += moments.plain
    return _summarise(differences, done, plain, frames, exact=False) if len(done) >= _WINDOWS // 2 else None


def _window(reader: VideoDecoder, from_s: float) -> Iterator[tuple[float, object]]:
    """Yield the frames of one window, from the reader's place on but not before a moment."""
    first_s: float | None = None
    for time_s, frame in reader.frames():
        if time_s < from_s:
            continue
        first_s = time_s if first_s is None else first_s
        yield time_s, frame
        if time_s >= first_s + LATER_S:
            return


def _summarise(
    differences: _Differences, moments: list[MotionSample], plain: list[float], frames: int, *, exact: bool
) -> Motion:
    if not moments:  # a size that changes all the time
        return Motion(differences.mean, 0.0, 1.0, 0.0, 0.0, frames, exact)
    return Motion(
        mean=differences.mean,
        still_share=float(np.mean([moment.changed_soon < _FROZEN for moment in moments])),
        spread=float(np.median([moment.changed_later for moment in moments])),
        camera_share=float(np.mean([moment.camera_only for moment in moments])),
        plain_share=float(np.median(plain)),
        frames=frames,
        exact=exact,
    )


def _near_a_threshold(motion: Motion) -> bool:
    """Whether an estimate could land on the other side of a rule when measured exactly."""
    for rule in RULES:
        value, margin = getattr(motion, rule.column), _NEAR[rule.column]
        if margin > 1:
            near = rule.threshold / margin < value < rule.threshold * margin
        else:
            near = abs(value - rule.threshold) < margin
        if near:
            return True
    return False
