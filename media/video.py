"""Decodes pictures as a stream: frames, and their luma planes for measuring."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from leitmotif.media.container import check_decoded
from leitmotif.media.errors import DecodeFailed
from leitmotif.media.timeline import packets_end_s
from leitmotif.media.video_decoder import VideoDecoder, luma_plane

TIME_SLACK_S = 1e-4  # timestamps in milliseconds (FLV, Matroska) round


def iter_frames(
    path: Path | str, *, start_s: float = 0.0, duration_s: float | None = None
) -> Iterator[tuple[float, Any]]:
    """Yield time in seconds and PyAV frame of every picture in a window, streamed; see `iter_luma`."""
    with VideoDecoder(path) as reader:
        yield from read_window(reader, start_s=start_s, duration_s=duration_s)


def read_window(
    reader: VideoDecoder, *, start_s: float = 0.0, duration_s: float | None = None
) -> Iterator[tuple[float, Any]]:
    """Yield as `iter_frames` does, from a reader that stands at the start of its file."""
    end_s = np.inf if duration_s is None else start_s + duration_s
    positioned = start_s <= 0 or reader.seek(start_s)
    frames = reader.frames()
    first = next(frames, None)
    if start_s > 0 and (first is None or (positioned and first[0] > start_s + TIME_SLACK_S)):
        reader.rewind()  # a wrong index led past the window: read from the start
        frames = reader.frames()
        first = next(frames, None)
    count, last_s = 0, 0.0
    for time_s, frame in frames if first is None else chain([first], frames):
        last_s = max(last_s, time_s + float((frame.duration or 0) * frame.time_base))
        if time_s >= end_s - TIME_SLACK_S:
            return
        if time_s >= start_s - TIME_SLACK_S:
            count += 1
            yield time_s, frame
    _check_window(reader, count, last_s, start_s=start_s, end_s=end_s)


def _check_window(reader: VideoDecoder, count: int, last_s: float, *, start_s: float, end_s: float) -> None:
    """Raise DecodeFailed if the end of the data came too early for the window."""
    extent_s = reader.duration_s
    if extent_s is None and reader.extent_s is not None and last_s < min(0.9 * reader.extent_s, end_s):
        # The container's duration covers its longest stream: a loss only if all streams end early.
        file_end_s = packets_end_s(reader.path)
        lost = bool(reader.errors) or file_end_s is None or file_end_s < 0.9 * reader.extent_s
        extent_s = reader.extent_s if lost else None
    if count == 0 and not reader.errors and start_s > 0:
        raise DecodeFailed(
            f"the video of {reader.path.name!r} ends at {last_s:.1f} s, before the window at {start_s:.1f} s;"
            " choose an earlier window"
        )
    expected_s = None if extent_s is None else max(min(extent_s, end_s) - start_s, 0.0)
    check_decoded(
        reader.path,
        "video",
        decoded_s=last_s - start_s,
        expected_s=expected_s,
        errors=reader.errors,
        nothing=count == 0,
    )


def iter_luma(
    path: Path | str, *, start_s: float = 0.0, duration_s: float | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Decode the luma of every picture in a window, one at a time: memory does not grow with the length.

    Args:
        path: A video file.
        start_s: Begin of the window, counted from the file's first moment.
        duration_s: Length of the window (its end is not part of it); None reads to the end.

    Yields:
        Time in seconds and uint8 (height, width), a view that is valid until the next step. The size may
        change in the middle of a file.

    Raises:
        Unreadable, NotMedia, MissingStream: If there is no picture to read.
        DecodeFailed: If no frame, or less than 90 % of the window that the file says it has, can be decoded.
    """
    for time_s, frame in iter_frames(path, start_s=start_s, duration_s=duration_s):
        yield time_s, luma_plane(frame)
