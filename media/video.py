"""Decodes pictures as a stream: luma planes for measuring, JPEG key frames for models that look."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leitmotif.media import tone
from leitmotif.media.container import check_decoded
from leitmotif.media.errors import DecodeFailed
from leitmotif.media.orientation import orientation
from leitmotif.media.probe import displayed_size
from leitmotif.media.timeline import packets_end_s
from leitmotif.media.video_decoder import VideoDecoder, luma_plane

_JPEG_QUALITY = 90
# FFmpeg's numbers of colour spaces; files that do not say theirs follow their size, as players assume.
_UNSPECIFIED, _ITU709 = 2, 1
# Decoding on to a moment this near is cheaper than a seek back to the key frame before it.
_DECODE_ON_S = 2.0
_TIME_SLACK_S = 1e-4  # timestamps in milliseconds (FLV, Matroska) round


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
    if start_s > 0 and (first is None or (positioned and first[0] > start_s + _TIME_SLACK_S)):
        reader.rewind()  # a wrong index led past the window: read from the start
        frames = reader.frames()
        first = next(frames, None)
    count, last_s = 0, 0.0
    for time_s, frame in frames if first is None else chain([first], frames):
        last_s = max(last_s, time_s + float((frame.duration or 0) * frame.time_base))
        if time_s >= end_s - _TIME_SLACK_S:
            return
        if time_s >= start_s - _TIME_SLACK_S:
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


def key_frames(
    path: Path | str,
    *,
    count: int = 10,
    short_side: int = 448,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> list[bytes]:
    """Return the pictures of `timed_key_frames`."""
    found = timed_key_frames(path, count=count, short_side=short_side, start_s=start_s, duration_s=duration_s)
    return [picture for _, picture in found]


def timed_key_frames(
    path: Path | str,
    *,
    count: int = 10,
    short_side: int = 448,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> list[tuple[float, bytes]]:
    """Encode JPEG pictures evenly spread over a window, as a player shows them, with their times in seconds.

    The window is split into equal parts; each gives the first frame after its first quarter. A video with
    fewer frames gives fewer pictures.

    Args:
        path: A video file.
        count: How many pictures.
        short_side: Size of the shorter side in pixels; smaller videos stay as they are.
        start_s: Begin of the window.
        duration_s: Length of the window; None takes the rest.

    Raises:
        Unreadable, NotMedia, MissingStream: If there is no picture to read.
        DecodeFailed: If no frame of the window can be decoded.
    """
    with VideoDecoder(path) as reader:
        extent_s = reader.extent_s
        if extent_s is None:
            extent_s = _last_time_s(reader)
        whole_s = max(extent_s - start_s, 0.0)
        window_s = whole_s if duration_s is None else min(duration_s, whole_s)
        aspect = reader.pixel_aspect
        pictures = [
            (time_s, _encode_jpeg(frame, short_side, aspect))
            for time_s, frame in _spread(reader, count, start_s, window_s)
        ]
    if not pictures:
        reason = f" ({reader.errors[0]})" if reader.errors else ""
        raise DecodeFailed(
            f"no frame of {Path(path).name!r} between {start_s:.1f} s and {start_s + window_s:.1f} s can be"
            f" decoded{reason}; choose another window, or fetch the file again"
        )
    return pictures


def _last_time_s(reader: VideoDecoder) -> float:
    """Return where the last frame of a file without any declared duration lies; decodes it all."""
    last_s = 0.0
    for time_s, _ in reader.frames():
        last_s = max(last_s, time_s)
    reader.seek(0.0)
    return last_s + 1e-3


def _spread(reader: VideoDecoder, count: int, start_s: float, window_s: float) -> Iterator[tuple[float, Any]]:
    """Yield up to `count` frames, one for each equal part of the window, in order and without repeats."""
    step_s = window_s / count
    lead_s = step_s / 4 if step_s > 4 * reader.step_s else 0.0
    frames = reader.frames()
    seekable = True
    now_s, taken_s = -np.inf, -np.inf
    latest: tuple[float, Any] | None = None
    for index in range(count):
        target_s = start_s + index * step_s + lead_s
        if seekable and target_s - max(now_s, 0.0) > _DECODE_ON_S:
            seekable = reader.seek(target_s)
            frames, now_s, latest = reader.frames(), (-np.inf if not seekable else now_s), None
        while latest is None or latest[0] < target_s - _TIME_SLACK_S or latest[0] <= taken_s:
            latest = next(frames, None)
            if latest is None:
                break
            now_s = latest[0]
        if latest is None:
            if taken_s == -np.inf and index == count - 1:
                yield from _any_frame(reader, start_s, window_s)
            continue
        if latest[0] < start_s + window_s or taken_s == -np.inf:
            taken_s = latest[0]
            yield latest


def _any_frame(reader: VideoDecoder, start_s: float, window_s: float) -> Iterator[tuple[float, Any]]:
    """Yield the last frame before the end of the window: a picture that stands longer than a part of it."""
    reader.seek(start_s)
    last = None
    for time_s, frame in reader.frames():
        if time_s >= start_s + window_s and last is not None:
            break
        last = time_s, frame
    if last is not None:
        yield last


def _encode_jpeg(frame: Any, short_side: int, aspect: Fraction | None) -> bytes:
    width, height = displayed_size(frame.width, frame.height, aspect)
    scale = min(1.0, short_side / min(width, height))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    interpolation = "AREA" if scale < 1 else "BICUBIC"
    if tone.is_mapped(frame):
        picture = tone.to_screen(frame, *size, interpolation)
    else:
        picture = frame.reformat(
            *size,
            format="bgr24",
            src_colorspace=_ITU709 if frame.colorspace == _UNSPECIFIED and frame.height >= 720 else None,
            interpolation=interpolation,
            threads=1,
        ).to_ndarray()
    picture = orientation(frame).applied(picture)
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise DecodeFailed(
            f"a frame of {picture.shape[1]}x{picture.shape[0]} pixels cannot be written as JPEG"
        )
    return data.tobytes()
