"""Names of key frames, which say when a frame is shown: `CLIPID-03-12.345s.jpg`."""

from __future__ import annotations

import re

_TIME = re.compile(r"-(\d+\.\d{3})s\.jpg$")


def frame_name(number: int, time_s: float) -> str:
    """Return the name of a key frame.

    Args:
        number: Number of the frame, from 0.
        time_s: When it is shown, seconds from the start of the clip.
    """
    return f"{number:02d}-{max(time_s, 0.0):.3f}s.jpg"


def frame_time_s(path: str | None) -> float | None:
    """Return when a key frame is shown, seconds from the start of its clip; None where no name says it."""
    found = _TIME.search(path or "")
    return float(found[1]) if found else None
