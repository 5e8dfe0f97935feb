"""One intra frame of a film, drawn by chance: a picture that is coded without any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leitmotif.media.container import demuxed, open_media, require_stream
from leitmotif.media.errors import DecodeFailed
from leitmotif.media.key_frames import encode_jpeg
from leitmotif.media.timeline import Clock
from leitmotif.media.video import TIME_SLACK_S
from leitmotif.media.video_decoder import VideoDecoder


@dataclass(frozen=True)
class IntraFrame:
    """A picture that was drawn.

    Attributes:
        time_s: When it is shown, from the first moment of the file.
        number: Which of the intra frames it is, from 0.
        of: How many there are.
        picture: JPEG.
    """

    time_s: float
    number: int
    of: int
    picture: bytes


def draw_intra_frame(path: Path, *, seed: int = 0, short_side: int = 448) -> IntraFrame:
    """Return one of the intra frames of a film; all of them are as likely.

    The file is read once for where they are; one of them is decoded.

    Args:
        path: A video file.
        seed: The same one draws the same frame.
        short_side: Size of the shorter side of the picture in pixels; smaller ones stay as they are.

    Raises:
        Unreadable, NotMedia, MissingStream, TooLarge: There is no picture to read.
        DecodeFailed: None can be decoded.
    """
    place_s, number, count = _drawn(Path(path), np.random.default_rng(seed))
    with VideoDecoder(path) as reader:
        reader.seek(place_s)
        latest: tuple[float, Any] | None = None
        for latest in reader.frames():
            if latest[0] >= place_s - TIME_SLACK_S:
                break
        if latest is None:
            reason = f" ({reader.errors[0]})" if reader.errors else ""
            raise DecodeFailed(
                f"no frame of {Path(path).name!r} behind {place_s:.1f} s can be decoded{reason}; take "
                "another seed, or fetch the file again"
            )
        time_s, frame = latest
        return IntraFrame(time_s, number, count, encode_jpeg(frame, short_side, reader.pixel_aspect))


def _drawn(path: Path, rng: np.random.Generator) -> tuple[float, int, int]:
    """Return when the frame that is drawn is shown, its number, and how many there are."""
    chosen, number, count = 0.0, 0, 0
    with open_media(path) as container:
        stream = require_stream(container, "video", path)
        clock = Clock(path, container)
        for packet in demuxed(container, stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if not packet.size or stamp is None:
                continue
            length_s = float((packet.duration or 0) * packet.time_base)
            time_s = clock.time_s(float(stamp * packet.time_base), length_s)
            count += packet.is_keyframe
            # Each takes the place of the one before with a chance of one in as many as there were.
            if packet.is_keyframe and rng.integers(count) == 0:
                chosen, number = time_s, count - 1
    return max(chosen, 0.0), number, max(count, 1)
