"""Decodes pictures as a stream: luma planes for measuring, JPEG key frames for models that look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np

from media.container import (
    DECODE_ERRORS,
    check_decoded,
    decoder_message,
    open_media,
    origin_s,
    packets_end_s,
    require_stream,
    stream_duration_s,
)
from media.errors import DecodeFailed
from media.probe import clockwise_deg, displayed_size

# Pixel formats whose first plane is the luma: 8 bits, or 9 to 16 little-endian bits in two bytes.
_LUMA_FIRST = re.compile(
    r"(?:(?:yuv[aj]?4\d\dp|gray)(?P<bits>9|10|12|14|16)?(?:le)?|nv(?:12|21|16|24|42)|p\d(?P<top>10|12|16)le)$"
)
_JPEG_QUALITY = 90
_UNSPECIFIED, _ITU709 = (
    2,
    1,
)  # colour spaces; files that do not say which follow their size, as players assume
# Decoding on to a moment this near is cheaper than a seek back to the key frame before it.
_DECODE_ON_S = 2.0
_TIME_SLACK_S = 1e-4  # timestamps in milliseconds (FLV, Matroska) round


class VideoReader:
    """The frames of one file in order, from any moment; a context manager.

    Attributes:
        duration_s: how long the video stream says it is, None if the container does not say.
        errors: what the decoder complained about so far.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.duration_s: float | None = None
        self.errors: list[str] = []
        self._stack = ExitStack()
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> VideoReader:
        self._open()
        self._origin_s = origin_s(self._container)
        self.duration_s = stream_duration_s(self._stream)
        if self.duration_s is None and self._container.duration:
            self._whole_s: float | None = self._container.duration / av.time_base
        else:
            self._whole_s = self.duration_s
        rate = self._stream.guessed_rate
        self._step_s = float(1 / rate) if rate and 0 < rate <= 1000 else 0.04
        return self

    def _open(self) -> None:
        self._stack.close()
        with ExitStack() as stack:
            self._container = stack.enter_context(open_media(self.path))
            self._stream = require_stream(self._container, "video", self.path)
            self._stack = stack.pop_all()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def extent_s(self) -> float | None:
        """How long the video is, from the stream or else the container; None if neither says."""
        return self._whole_s

    @property
    def step_s(self) -> float:
        """The usual time between two frames."""
        return self._step_s

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width over height of one pixel, None where unknown."""
        return self._stream.sample_aspect_ratio

    def seek(self, time_s: float) -> bool:
        """Goes to the key frame at or before a moment; False (and back at the start) where that is impossible."""
        stream = self._stream
        try:
            self._container.seek(
                int((max(time_s, 0.0) + self._origin_s) / stream.time_base), stream=stream, backward=True
            )
            return True
        except DECODE_ERRORS:
            self._open()  # back to the start, also where the demuxer cannot seek at all
            return False

    def frames(self) -> Iterator[tuple[float, Any]]:
        """Time in seconds since the file's first moment and frame, from here to the end; damaged frames are left out.

        Ends quietly at damage that the demuxer cannot pass. Frames without a timestamp follow the one before.
        """
        time_s: float | None = None
        for frame in self._decode():
            if frame.pts is not None:
                time_s = float(frame.pts * frame.time_base) - self._origin_s
            else:
                time_s = 0.0 if time_s is None else time_s + self._step_s
            yield time_s, frame

    def _decode(self) -> Iterator[Any]:
        context = self._stream.codec_context
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except DECODE_ERRORS as error:
                self.errors.append(decoder_message(error))
                packet = None  # what the decoder still holds comes out, then this ends
            try:
                yield from context.decode(packet)
            except av.error.EOFError:
                return
            except DECODE_ERRORS as error:
                self.errors.append(decoder_message(error))
            if packet is None:
                return


def luma_plane(frame: Any) -> np.ndarray:
    """The luma of a frame as uint8 (height, width), as coded: neither rotated nor stretched to the full range.

    Eight-bit planes are a view that lives as long as it is referred to; deeper ones are rounded to eight bits; formats
    without a luma plane (RGB, palettes) are converted to grey.
    """
    shift = _luma_shift(frame.format.name)
    width, height = frame.width, frame.height
    if shift is None or frame.planes[0].line_size < width:
        frame, shift = frame.reformat(format="gray", threads=1), 0
    plane = frame.planes[0]
    stride = plane.line_size
    if shift == 0:
        rows = np.frombuffer(plane, np.uint8, count=stride * height).reshape(height, stride)
        return rows[:, :width]
    deep = np.frombuffer(plane, np.uint16, count=stride // 2 * height).reshape(height, stride // 2)[:, :width]
    return np.asarray(cv2.convertScaleAbs(deep, alpha=1.0 / (1 << shift))).reshape(height, width)


def luma_levels(frame: Any) -> float:
    """How many steps lie between black and white in what `luma_plane` gives: 255 or, in the video range, 219."""
    name = frame.format.name
    if _luma_shift(name) is None or name.startswith(("yuvj", "gray")) or frame.color_range == 2:
        return 255.0
    return 219.0


@lru_cache(maxsize=64)
def _luma_shift(format_name: str) -> int | None:
    """By how many bits the first plane must be shifted to be 8-bit luma; None if it is no luma plane."""
    match = _LUMA_FIRST.match(format_name)
    if match is None:
        return None
    if match["top"]:  # P010 and kin keep their bits at the top of two bytes
        return 8
    return int(match["bits"]) - 8 if match["bits"] else 0


def iter_frames(
    path: Path | str, *, start_s: float = 0.0, duration_s: float | None = None
) -> Iterator[tuple[float, Any]]:
    """Time in seconds and PyAV frame of every picture in a window, streamed; see `iter_luma`."""
    end_s = np.inf if duration_s is None else start_s + duration_s
    with VideoReader(path) as reader:
        positioned = start_s <= 0 or reader.seek(start_s)
        frames = reader.frames()
        first = next(frames, None)
        if start_s > 0 and (first is None or (positioned and first[0] > start_s + _TIME_SLACK_S)):
            reader.seek(0.0)  # a wrong index led past the window: read from the start
            frames = reader.frames()
            first = next(frames, None)
        count, last_s = 0, 0.0
        while first is not None:
            time_s, frame = first
            last_s = max(last_s, time_s + float((frame.duration or 0) * frame.time_base))
            if time_s >= end_s - _TIME_SLACK_S:
                return
            if time_s >= start_s - _TIME_SLACK_S:
                count += 1
                yield first
            first = next(frames, None)
        _check_window(reader, count, last_s, start_s=start_s, end_s=end_s)


def _check_window(reader: VideoReader, count: int, last_s: float, *, start_s: float, end_s: float) -> None:
    """Raises DecodeFailed if the end of the data came too early for the window."""
    extent_s = reader.duration_s
    if extent_s is None and reader.extent_s is not None and last_s < min(0.9 * reader.extent_s, end_s):
        # The container's duration covers its longest stream: a loss only if the data of all streams end before it.
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
    """The luma of every picture in a window, one at a time: memory does not grow with the length.

    Args:
        path: a video file.
        start_s: begin of the window, counted from the file's first moment.
        duration_s: length of the window; None reads to the end. Frames with start <= time < start + duration come.

    Yields:
        Time in seconds and uint8 (height, width), a view that is valid until the next step. The size may change in the
        middle of a file.

    Raises:
        Unreadable, NotMedia, MissingStream: if there is no picture to read.
        DecodeFailed: if no frame, or less than 90 % of the window that the file says it has, can be decoded.
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
    """JPEG pictures evenly spread over a window, as a player shows them.

    Each is the first frame that follows a quarter of a step before the middle of its part of the window; that leaves
    room to take a key frame as it is. A video with fewer frames gives fewer pictures.

    Args:
        path: a video file.
        count: how many pictures.
        short_side: size of the shorter side in pixels; smaller videos stay as they are.
        start_s: begin of the window.
        duration_s: length of the window; None takes the rest.

    Raises:
        Unreadable, NotMedia, MissingStream: if there is no picture to read.
        DecodeFailed: if no frame of the window can be decoded.
    """
    with VideoReader(path) as reader:
        extent_s = reader.extent_s
        if extent_s is None:
            extent_s = _last_time_s(reader)
        whole_s = max(extent_s - start_s, 0.0)
        window_s = whole_s if duration_s is None else min(duration_s, whole_s)
        aspect = reader.pixel_aspect
        pictures = [
            _encode_jpeg(frame, short_side, aspect) for frame in _spread(reader, count, start_s, window_s)
        ]
    if not pictures:
        reason = f" ({reader.errors[0]})" if reader.errors else ""
        raise DecodeFailed(
            f"no frame of {Path(path).name!r} between {start_s:.1f} s and {start_s + window_s:.1f} s can be"
            f" decoded{reason}; choose another window, or fetch the file again"
        )
    return pictures


def _last_time_s(reader: VideoReader) -> float:
    """Where the last frame of a file without any declared duration lies; decodes it all."""
    last_s = 0.0
    for time_s, _ in reader.frames():
        last_s = max(last_s, time_s)
    reader.seek(0.0)
    return last_s + 1e-3


def _spread(reader: VideoReader, count: int, start_s: float, window_s: float) -> Iterator[Any]:
    """Up to `count` frames, one for each equal part of the window, in order and without repeats."""
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
            yield latest[1]


def _any_frame(reader: VideoReader, start_s: float, window_s: float) -> Iterator[Any]:
    """The last frame before the end of the window, for a picture that stands longer than the window's parts."""
    reader.seek(start_s)
    last = None
    for time_s, frame in reader.frames():
        if time_s >= start_s + window_s and last is not None:
            break
        last = frame
    if last is not None:
        yield last


def _encode_jpeg(frame: Any, short_side: int, aspect: Fraction | None) -> bytes:
    rotation_deg = clockwise_deg(frame.rotation)
    width, height = displayed_size(frame.width, frame.height, aspect, 0)
    scale = min(1.0, short_side / min(width, height))
    picture = frame.reformat(
        width=max(round(width * scale), 1),
        height=max(round(height * scale), 1),
        format="bgr24",
        src_colorspace=_ITU709 if frame.colorspace == _UNSPECIFIED and frame.height >= 720 else None,
        interpolation="AREA" if scale < 1 else "BICUBIC",
        threads=1,
    ).to_ndarray()
    if rotation_deg:
        picture = np.rot90(picture, k=-rotation_deg // 90)
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise DecodeFailed(
            f"a frame of {picture.shape[1]}x{picture.shape[0]} pixels cannot be written as JPEG"
        )
    return data.tobytes()
