"""One video file as a stream of frames from any moment, and the luma plane of a frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leitmotif.media import tone
from leitmotif.media.container import (
    DECODE_ERRORS,
    check_damage,
    declared_s,
    decoded_frames,
    open_media,
    require_stream,
    seek_back,
    stream_duration_s,
)
from leitmotif.media.fields import whole_pictures
from leitmotif.media.timeline import Clock, is_counted, read_timeline

# Pixel formats whose first plane is the luma: 8 bits, or 9 to 16 little-endian bits in two bytes.
_LUMA_FIRST = re.compile(
    r"(?:(?:yuv[aj]?4\d\dp|gray)(?P<bits>9|10|12|14|16)?(?:le)?|nv(?:12|21|16|24|42)|p\d(?P<top>10|12|16)le)$"
)


class VideoDecoder:
    """The frames of one file in order, from any moment; a context manager.

    Attributes:
        duration_s: How long the video stream says it is, None if the container does not say, or guesses.
        errors: What the decoder complained about so far.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.duration_s: float | None = None
        self._whole_s: float | None = None
        self.errors: list[str] = []
        self._stack = ExitStack()
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> VideoDecoder:
        self._open()
        self._counted = is_counted(self._container)
        if self._counted:
            self._whole_s = read_timeline(self.path).length_s
        else:
            self.duration_s = stream_duration_s(self._stream)
            self._whole_s = self.duration_s or declared_s(self._container)
        rate = self._stream.guessed_rate
        self._step_s = float(1 / rate) if rate and 0 < rate <= 1000 else 0.04
        return self

    def _open(self) -> None:
        self._stack.close()
        with ExitStack() as stack:
            self._container = stack.enter_context(open_media(self.path))
            self._stream = require_stream(self._container, "video", self.path)
            self._clock = Clock(self.path, self._container)
            self._stack = stack.pop_all()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def extent_s(self) -> float | None:
        """How long the video is: from its packets, the stream, or else the container; None if none says."""
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
        """Go to the key frame at or before a moment; False, and at the start, where that is impossible."""
        if self._counted and read_timeline(self.path).glued:
            self.rewind()
            return False
        self._clock = Clock(self.path, self._container)
        try:
            seek_back(self._container, self._stream, time_s)
            return True
        except DECODE_ERRORS as error:
            check_damage(error, self.path)
            self.rewind()
            return False

    def rewind(self) -> None:
        """Go to the start, also where the demuxer cannot seek at all."""
        self._open()

    def frames(self) -> Iterator[tuple[float, Any]]:
        """Yield time in seconds since the file's first moment, and frame, from here to the end.

        Interlaced frames come out as whole pictures. Damaged frames are left out, and damage that the demuxer
        cannot pass is an end. Frames without a timestamp follow the one before.
        """
        time_s: float | None = None
        frames = decoded_frames(self._container, self._stream, self.errors)
        for frame in whole_pictures(frames, self._stream.codec_context):
            if frame.pts is not None:
                length_s = float((frame.duration or 0) * frame.time_base)
                time_s = self._clock.time_s(float(frame.pts * frame.time_base), length_s)
            else:
                time_s = 0.0 if time_s is None else time_s + self._step_s
            yield time_s, frame


def luma_plane(frame: Any) -> np.ndarray:
    """Return the luma of a frame as uint8 (height, width), as coded: not rotated, not stretched.

    Of high dynamic range it is what an ordinary film of the scene would hold, so that differences compare.
    Eight-bit planes are a view that lives as long as it is referred to; deeper ones are rounded to 8 bits;
    formats without a luma plane (RGB, palettes) are converted to grey.
    """
    luma = _coded_luma(frame)
    return tone.screen_luma(frame, luma, luma_levels(frame)) if tone.is_high_range(frame) else luma


def _coded_luma(frame: Any) -> np.ndarray:
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
    """Return the steps between black and white in what `luma_plane` gives: 255, or 219 in the video range."""
    name = frame.format.name
    if _luma_shift(name) is None or name.startswith(("yuvj", "gray")) or frame.color_range == 2:
        return 255.0
    return 219.0


@lru_cache(maxsize=64)
def _luma_shift(format_name: str) -> int | None:
    """Return by how many bits to shift the first plane for 8-bit luma; None if it is no luma plane."""
    match = _LUMA_FIRST.match(format_name)
    if match is None:
        return None
    if match["top"]:  # P010 and kin keep their bits at the top of two bytes
        return 8
    return int(match["bits"]) - 8 if match["bits"] else 0
