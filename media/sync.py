"""Where the frames of a sound belong by their timestamps: holes, overlaps, clocks that run fast or slow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

# Timestamps in milliseconds (Matroska, FLV) round to half of one at both ends of a frame.
_ROUNDING_S = 0.002
# A step above this is a hole or an overlap, for the shortest frame that gets lost lasts 20 ms (Opus); below,
# it is a drift, which a resampler takes up.
_STEP_S = 0.01
# Timestamps that go back further are not believed: what follows is laid on end to end.
_BACK_S = 0.5
# Nor is a clock slower than this share of the samples (an AVI with a wrong rate): it would eat the sound. But
# what a hole has put in, it may take back: a recorder that stalls stamps what waited in quick succession.
_SLOWEST = 0.8
# This many frames must agree on a deviation (about 0.2 s): timestamps that jitter come back.
_AGREEING = 8


class Placed(NamedTuple):
    """A decoded frame and its place.

    Attributes:
        frame: PyAV's.
        time_s: Where its first sample (after `skip_s`) belongs; it moves away from the sum of the lengths
            before it as slowly as a clock drifts.
        hole_s: How much silence lies before it.
        skip_s: How much of its begin is there twice.
    """

    frame: Any
    time_s: float
    hole_s: float = 0.0
    skip_s: float = 0.0


def place(frames: Iterable[tuple[float | None, Any]], longest_s: float) -> Iterator[Placed]:
    """Place frames by their timestamps, never more than a few milliseconds off those that agree.

    Args:
        frames: Time in seconds, None if it is not known, and frame.
        longest_s: Length of the file; timestamps beyond are not believed.
    """
    source = iter(frames)
    ahead: deque[tuple[float | None, Any]] = deque(islice(source, 1))
    if not ahead:
        return
    laid_s = ahead[0][0] or 0.0  # where a frame lies if it follows the one before
    drift_s = 0.0  # what the clock has gone wrong since
    shift_s = 0.0  # taken from timestamps after one that was not believed
    skip_s = 0.0
    ahead_s = 0.0  # by how much holes have put off the sound since
    while ahead:
        time_s, frame = ahead[0]
        hole_s = 0.0
        if time_s is not None and abs(time_s - shift_s - drift_s - laid_s) > _ROUNDING_S:
            ahead.extend(islice(source, _AGREEING - len(ahead)))
            step_s = _agreed_s(ahead, laid_s + drift_s + shift_s)
            beyond = step_s > _STEP_S and time_s - shift_s > longest_s
            slow = step_s < -_STEP_S and ahead_s <= 0 and _pace(ahead) < _SLOWEST
            if step_s < -_BACK_S or beyond or slow:
                shift_s += step_s
            elif step_s > _STEP_S:
                ahead_s += step_s
                hole_s = max(step_s - skip_s, 0.0)
                skip_s = max(skip_s - step_s, 0.0)
                laid_s += step_s
            elif step_s < -_STEP_S:
                ahead_s += step_s
                skip_s -= step_s
                laid_s += step_s
            else:
                drift_s += step_s
        length_s = frame.samples / frame.sample_rate
        skipped_s = min(skip_s, length_s)
        skip_s -= skipped_s
        if skipped_s < length_s:
            yield Placed(frame, laid_s + drift_s + skipped_s, hole_s, skipped_s)
        laid_s += length_s
        ahead.popleft()
        if not ahead:
            ahead.extend(islice(source, 1))


def _agreed_s(frames: Iterable[tuple[float | None, Any]], expected_s: float) -> float:
    """Return the smallest step that all of these frames ask for; 0 if they do not agree on its direction."""
    steps_s = []
    for time_s, frame in frames:
        if time_s is not None:
            steps_s.append(time_s - expected_s)
        expected_s += frame.samples / frame.sample_rate
    if min(steps_s) > 0:
        return min(steps_s)
    return max(steps_s) if max(steps_s) < 0 else 0.0


def _pace(frames: Sequence[tuple[float | None, Any]]) -> float:
    """Return how far the timestamps of frames go on for each second of sound; 0 if there are too few."""
    first_s, last_s = frames[0][0], frames[-1][0]
    length_s = sum(frame.samples / frame.sample_rate for _, frame in list(frames)[:-1])
    return (last_s - first_s) / length_s if length_s and first_s is not None and last_s is not None else 0.0
