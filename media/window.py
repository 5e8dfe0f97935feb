"""Cuts a window out of a file: to the frame, and the sound to the sample."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import av.filter
import numpy as np

from leitmotif.media.audio import iter_audio
from leitmotif.media.container import open_media, require_stream
from leitmotif.media.errors import EncodeFailed
from leitmotif.media.mux import mux_in_order, writing
from leitmotif.media.orientation import Orientation, orientation
from leitmotif.media.video import iter_frames

# Fine enough that no eye finds the difference; the picture has to be encoded again to begin at any frame.
_X264 = {"crf": "18", "preset": "veryfast"}
# Ticks a second of pictures, of which each frame rate in use takes a whole number.
_TICKS = 90_000
_FLAC_BITS = 24


def cut_window(source: Path, window: Path, *, start_s: float, end_s: float, has_video: bool) -> None:
    """Write a window as a file of its own: Matroska with H.264 and FLAC, or FLAC alone.

    The picture is turned as players show it, and keeps its size, its times and its colours. The sound keeps
    its rate, one or two channels, and up to 24 bits; more channels are mixed down to two.

    Args:
        source: The whole file.
        window: Where the window goes.
        start_s: Where it begins, counted from the file's first moment.
        end_s: Where it ends; the end of the file where that comes earlier.
        has_video: Whether the source has a moving picture.

    Raises:
        Unreadable, NotMedia, MissingStream, DecodeFailed: The window cannot be read.
        EncodeFailed: The picture has an odd width or height, or an encoder refuses it.
    """
    with open_media(source) as file:
        told = dict(file.metadata)
        seen = require_stream(file, "video", source) if has_video else None
        heard = require_stream(file, "audio", source) if file.streams.audio or not has_video else None
        shape = None if seen is None else (seen.guessed_rate, seen.sample_aspect_ratio)
        sound = None if heard is None else (heard.rate, min(heard.channels, 2))
    place: dict[str, float] = {"start_s": start_s, "duration_s": end_s - start_s}
    with writing(window, "flac" if shape is None else "matroska") as film:
        film.metadata.update(told)
        flows = []
        if shape is not None:
            frames = ((time_s - start_s, frame) for time_s, frame in iter_frames(source, **place))
            flows.append(_picture_packets(film, frames, *shape))
        if sound is not None:
            rate_hz, channels = sound
            blocks = iter_audio(source, rate_hz=rate_hz, channels=channels, **place)
            flows.append(_sound_packets(film, blocks, rate_hz, channels))
        mux_in_order(film, flows)


def _picture_packets(
    film: Any, frames: Iterator[tuple[float, Any]], rate: Fraction | None, aspect: Fraction | None
) -> Iterator[Any]:
    """Add a stream of pictures to a film, and return its packets."""
    time_s, first = next(frames)
    turn = orientation(first)
    picture = _turned(first, turn)
    if picture.width % 2 or picture.height % 2:
        raise EncodeFailed(
            f"the picture is {picture.width}x{picture.height}; H.264 wants even numbers, leave it whole"
        )
    stream = film.add_stream("libx264", rate=rate or 25, options=_X264)
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, _TICKS)
    for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
        setattr(context, name, getattr(picture, name))
    if aspect:
        context.sample_aspect_ratio = 1 / aspect if turn.transposed else aspect
    return _encoded(stream, chain([(time_s, first)], frames), turn)


def _encoded(stream: Any, frames: Iterator[tuple[float, Any]], turn: Orientation) -> Iterator[Any]:
    last = -1
    for time_s, frame in frames:
        picture = _turned(frame, turn).reformat(stream.width, stream.height, "yuv420p")
        # Side data would go along: no player is to turn the picture again.
        plain = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
        last = max(last + 1, round(max(time_s, 0.0) * _TICKS))
        plain.pts, plain.time_base = last, Fraction(1, _TICKS)
        plain.duration = round(float((frame.duration or 0) * frame.time_base) * _TICKS)
        yield from stream.encode(plain)
    yield from stream.encode(None)


def _turned(frame: Any, turn: Orientation) -> Any:
    """Turn a frame as players show it."""
    steps: list[tuple[str, str | None]] = (
        [("transpose", "0")] if turn.transposed else []
    )  # rows become columns
    steps += [(name, None) for name, wanted in (("hflip", turn.flip_x), ("vflip", turn.flip_y)) if wanted]
    if not steps:
        return frame
    graph = av.filter.Graph()
    nodes = [graph.add_buffer(template=frame, time_base=frame.time_base)]
    nodes += [graph.add(name, argument) for name, argument in steps]
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


def _sound_packets(film: Any, blocks: Iterator[np.ndarray], rate_hz: int, channels: int) -> Iterator[Any]:
    """Add a stream of sound to a film, and return its packets."""
    layout = "mono" if channels == 1 else "stereo"
    stream = film.add_stream("flac", rate=rate_hz, layout=layout)
    stream.codec_context.format = "s32"
    return _encoded_sound(stream, blocks, rate_hz, layout)


def _encoded_sound(stream: Any, blocks: Iterator[np.ndarray], rate_hz: int, layout: str) -> Iterator[Any]:
    full, place = float(1 << (_FLAC_BITS - 1)), 0
    for block in blocks:
        whole = np.clip(np.rint(block * full), -full, full - 1).astype(np.int32) << (32 - _FLAC_BITS)
        # (channels, n) to (1, n * channels), interleaved
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole.T).reshape(1, -1), "s32", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, place, Fraction(1, rate_hz)
        place += block.shape[1]
        yield from stream.encode(frame)
    yield from stream.encode(None)
