"""Key frames: a few pictures of a film as JPEG, from different shots and sharp, for models that look."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leitmotif.media import tone
from leitmotif.media.errors import DecodeFailed
from leitmotif.media.orientation import orientation
from leitmotif.media.probe import displayed_size
from leitmotif.media.video import TIME_SLACK_S
from leitmotif.media.video_decoder import VideoDecoder, luma_plane

_JPEG_QUALITY = 90
# FFmpeg's numbers of colour spaces; files that do not say theirs follow their size, as players assume.
_UNSPECIFIED, _ITU709 = 2, 1
# Decoding on to a moment this near is cheaper than a seek back to the key frame before it.
_DECODE_ON_S = 2.0
# A blur of movement is over after some frames; three are compared, as nearly every film of the web has them.
_LOOK_ON_S, _LOOK_EVERY_S = 0.4, 0.2
_LOOK_PX = 480
_SHARPER = 1.1  # less is a codec's doing


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
    shots: Sequence[tuple[float, float]] = (),
) -> list[tuple[float, bytes]]:
    """Encode JPEG pictures of a window, as a player shows them, with their times in seconds.

    They come from the parts of `parts_of`: of each the sharpest of three frames from its first quarter on. A
    video with fewer frames gives fewer pictures.

    Args:
        path: A video file.
        count: How many pictures.
        short_side: Size of the shorter side in pixels; smaller videos stay as they are.
        start_s: Begin of the window.
        duration_s: Length of the window; None takes the rest.
        shots: When the first and the last frame of each shot is shown, seconds from the begin of the window;
            without them pictures are evenly spread.

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
        placed = [(start_s + first_s, start_s + last_s) for first_s, last_s in shots]
        parts = parts_of(placed, count, start_s, start_s + window_s)
        pictures = [
            (time_s, encode_jpeg(frame, short_side, aspect))
            for time_s, frame in _take(reader, parts, start_s, start_s + window_s)
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


def parts_of(
    shots: Sequence[tuple[float, float]], count: int, start_s: float, end_s: float
) -> list[tuple[float, float]]:
    """Return the parts of a window, in order, each of which gives one picture.

    The longest shots have one each, and what is left goes to those whose parts are the longest. A shot is
    split into equal parts; so is the window where no shots are known.

    Args:
        shots: First and last moment of each, seconds; none where they are not known.
        count: How many parts, at most.
        start_s: Begin of the window.
        end_s: Its end.
    """
    clipped = [(max(first, start_s), min(last, end_s)) for first, last in shots]
    inside = [(first, last) for first, last in clipped if first <= last] or [(start_s, end_s)]
    longest = sorted((first - last, first, last) for first, last in inside)[:count]
    waiting = [(negative, first, last, 1) for negative, first, last in longest]  # sorted, and so a heap
    for _ in range(count - len(waiting)):
        _, first, last, parts = waiting[0]
        heapq.heapreplace(waiting, ((first - last) / (parts + 1), first, last, parts + 1))
    return [
        (first + (last - first) * part / parts, first + (last - first) * (part + 1) / parts)
        for first, last, parts in sorted((first, last, parts) for _, first, last, parts in waiting)
        for part in range(parts)
    ]


def _take(
    reader: VideoDecoder, parts: Sequence[tuple[float, float]], start_s: float, end_s: float
) -> Iterator[tuple[float, Any]]:
    """Yield up to one frame for each part of the window, in order and without repeats."""
    frames = reader.frames()
    seekable = True
    now_s, taken_s = -np.inf, -np.inf
    latest: tuple[float, Any] | None = None
    for index, (first_s, last_s) in enumerate(parts):
        lead_s = (last_s - first_s) / 4 if last_s - first_s > 4 * reader.step_s else 0.0
        target_s = first_s + lead_s
        if seekable and target_s - max(now_s, 0.0) > _DECODE_ON_S:
            seekable = reader.seek(target_s)
            frames, now_s, latest = reader.frames(), (-np.inf if not seekable else now_s), None
        while latest is None or latest[0] < target_s - TIME_SLACK_S or latest[0] <= taken_s:
            latest = next(frames, None)
            if latest is None:
                break
            now_s = latest[0]
        if latest is None:
            if taken_s == -np.inf and index == len(parts) - 1:
                yield from _any_frame(reader, start_s, end_s)
            continue
        if latest[0] < end_s or taken_s == -np.inf:
            chosen, latest = _sharpest(frames, latest, min(target_s + _LOOK_ON_S, last_s))
            now_s = now_s if latest is None else latest[0]
            taken_s = chosen[0]
            yield chosen


def _sharpest(
    frames: Iterator[tuple[float, Any]], first: tuple[float, Any], until_s: float
) -> tuple[tuple[float, Any], tuple[float, Any] | None]:
    """Return the sharpest of a frame and a few that follow, the first of like ones; and the last one read."""
    latest: tuple[float, Any] | None = first
    chosen, best, next_s = first, 0.0, first[0]
    while latest is not None and (latest is first or latest[0] <= until_s):
        if latest[0] >= next_s - TIME_SLACK_S:
            next_s = latest[0] + _LOOK_EVERY_S
            sharpness = _sharpness(latest[1])
            if sharpness > _SHARPER * best:
                chosen, best = latest, sharpness
        if next_s > until_s + TIME_SLACK_S:
            break
        latest = next(frames, None)
    return chosen, latest


def _sharpness(frame: Any) -> float:
    """Return how strong the edges of a frame are, on the scale on which a person looks at it."""
    luma = luma_plane(frame)
    scale = _LOOK_PX / max(luma.shape)
    if scale < 1:
        size = max(round(luma.shape[1] * scale), 1), max(round(luma.shape[0] * scale), 1)
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(luma, cv2.CV_16S).std())


def _any_frame(reader: VideoDecoder, start_s: float, end_s: float) -> Iterator[tuple[float, Any]]:
    """Yield the last frame before the end of the window: a picture that stands longer than a part of it."""
    reader.seek(start_s)
    last = None
    for time_s, frame in reader.frames():
        if time_s >= end_s and last is not None:
            break
        last = time_s, frame
    if last is not None:
        yield last


def encode_jpeg(frame: Any, short_side: int, aspect: Fraction | None) -> bytes:
    """Return a frame as JPEG, as a player shows it.

    Args:
        frame: The frame.
        short_side: Size of the shorter side in pixels; smaller frames stay as they are.
        aspect: Width over height of one pixel; None where it is unknown.

    Raises:
        DecodeFailed: It is too large for JPEG.
    """
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
