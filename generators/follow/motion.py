"""When something in a film begins to move, or strikes: where its motion rises most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.signal import find_peaks

from leitmotif.filters.shots import ShotFinder
from leitmotif.generators.follow.rhythm import Curves, Event, changes_of
from leitmotif.media.video import iter_frames
from leitmotif.media.video_decoder import luma_levels, luma_plane

KIND = "motion"
_FASTEST_HZ = 60.0  # of the curve; films of more frames lose some
_SMOOTH_S = 0.04
_CUT_S = 0.06  # on both sides of a cut, whose change of the picture is no motion
_AROUND_S = 3.0  # within which a rise is compared with the greatest
_LEAST, _APART_S = 0.25, 0.2  # of that, and between two of them
# Of full scale, a second: what rises by less than a quarter of that is grain, or the noise of a codec, which
# is at 0.002; in films the steepest rises are at 0.02 to 0.17.
_STILL = 0.01


def watch_motion(path: Path) -> list[Event]:
    """Return when motion rises in a film, in order; the steeper, the more it matters.

    Every frame is decoded. Measured is the mean absolute difference of frames, without those at cuts.

    Args:
        path: The film.

    Raises:
        Unreadable, NotMedia, MissingStream, DecodeFailed: Its pictures cannot be read.
    """
    finder, curves = ShotFinder(), Curves()
    for time_s, frame in iter_frames(path):
        luma, levels = luma_plane(frame), luma_levels(frame)
        finder.see(time_s, luma, levels)
        curves.see(time_s, luma, levels)
    cuts_s = [change.time_s for change in changes_of(finder.finish(), curves) if change.kind == "cut"]
    return rises_of(curves, cuts_s)


def rises_of(curves: Curves, cuts_s: list[float]) -> list[Event]:
    """Return when motion rises.

    Args:
        curves: How the picture changes.
        cuts_s: When it is another picture.
    """
    times_s, changes = np.array(curves.times_s), np.array(curves.changes)
    kept = np.ones(len(times_s), bool)
    kept[:1] = False
    for cut_s in cuts_s:
        kept[np.searchsorted(times_s, cut_s - 1e-6) : np.searchsorted(times_s, cut_s + _CUT_S)] = False
    if kept.sum() < 3:
        return []
    rate_hz = min(1 / max(float(np.median(np.diff(times_s))), 1e-3), _FASTEST_HZ)
    even_s = np.arange(times_s[0], times_s[-1], 1 / rate_hz)
    if len(even_s) < 3:
        return []
    motion = gaussian_filter1d(np.interp(even_s, times_s[kept], changes[kept]), _SMOOTH_S * rate_hz)
    rise = np.maximum(np.gradient(motion) * rate_hz, 0.0)
    around = maximum_filter1d(rise, max(round(2 * _AROUND_S * rate_hz), 1))
    share = rise / np.maximum(around, _STILL)
    peaks, _ = find_peaks(share, height=_LEAST, distance=max(round(_APART_S * rate_hz), 1))
    return [Event(float(even_s[peak]), KIND, float(share[peak])) for peak in peaks]
