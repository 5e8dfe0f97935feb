"""Whole pictures from interlaced frames, whose even and odd rows were taken at two moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
import av.filter

# FFmpeg's AVFieldOrder: 2 and 4 show the top field first, 3 and 5 the bottom field.
_TOP_FIRST = (2, 4)
_BOTTOM_FIRST = (3, 5)
_MIN_SIDE_PX = 4  # bwdif refuses less than three rows


def whole_pictures(frames: Iterable[Any], context: Any) -> Iterator[Any]:
    """Pass on frames, the interlaced ones filled up from their neighbours in space and time.

    Of every interlaced frame the first field stays; the other rows are taken from the neighbouring frames
    where nothing moves, and interpolated where something does. There are as many frames as before, at their
    times. Other frames pass as they are; a film without interlaced frames costs nothing.

    Args:
        frames: Decoded frames in the order in which they are shown.
        context: The codec context that they come from.

    Reference: BBC R&D White Paper 60 (w3fdif) and Yadif, joined in FFmpeg's filter `bwdif`.
    """
    order = _stream_order(context)
    graph: Any = None
    setup = None
    for frame in frames:
        if graph is None and not (order or frame.interlaced_frame):
            yield frame
            continue
        now = (frame.format.name, frame.width, frame.height)
        if now != setup:
            if graph is not None:
                yield from _rest(graph)
            graph, setup = None, now
            if min(frame.width, frame.height) >= _MIN_SIDE_PX:
                graph = _deinterlacer(frame, order)
        if graph is None:
            yield frame
            continue
        graph.push(frame)
        yield from _ready(graph)
    if graph is not None:
        yield from _rest(graph)


def _stream_order(context: Any) -> str | None:
    """Return the field that comes first where only the container says that there are fields, else None.

    Codecs that predict frames from frames say it with each, and know better than the container. Some of those
    that code each frame by itself (Ut Video, HuffYUV, JPEG 2000) leave it to the container.
    """
    if not context.codec.intra_only:
        return None
    if context.field_order in _TOP_FIRST:
        return "tff"
    return "bff" if context.field_order in _BOTTOM_FIRST else None


def _deinterlacer(frame: Any, order: str | None) -> Any:
    graph = av.filter.Graph()
    graph.threads = 1  # files are decoded side by side
    steps = [
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        ),
        *([graph.add("setfield", order)] if order else []),
        graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    return graph


def _ready(graph: Any) -> Iterator[Any]:
    """Take what the graph can give without another frame; it waits for one to look at both neighbours."""
    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError):  # nothing yet; nothing more
            return


def _rest(graph: Any) -> Iterator[Any]:
    graph.push(None)
    yield from _ready(graph)
