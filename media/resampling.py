"""Placed frames as float samples at one rate: holes are filled, a clock that drifts is followed."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import av.filter
import numpy as np

from leitmotif.media.sync import Placed

# Front and centre, surround at -3 dB, scaled so that full scale on every channel stays at full scale.
_DOWNMIX = {"rematrix_maxval": "1.0"}
# A drift is followed from a millisecond on, by at most 1 % (17 cents); a clock so wrong that this leaves it
# 30 ms off gets silence, or loses sound.
_FOLLOW = {"min_comp": "0.001", "comp_duration": "1", "max_soft_comp": "0.01", "min_hard_comp": "0.03"}
_EXACT_S = 0.001  # as `min_comp`
_AGAIN, _END = av.error.BlockingIOError, av.error.EOFError


class Resampler:
    """libswresample for frames of one kind; surround is mixed down to stereo.

    What needs no conversion goes through as it is until a clock drifts, which is cheaper.
    """

    def __init__(self, placed: Placed, rate_hz: int):
        frame = placed.frame
        self._rate_hz = rate_hz
        self._kind = _kind(frame)
        self._from_hz = frame.sample_rate
        self._time_base = Fraction(1, frame.sample_rate)
        self._start_s = placed.time_s - placed.hole_s
        self._plain = self._kind in (("fltp", "mono", rate_hz), ("fltp", "stereo", rate_hz))
        self._laid = 0  # samples that went through as they are
        self._graph: Any = None

    def takes(self, frame: Any) -> bool:
        """Whether a frame is of the kind that this one was made for."""
        return _kind(frame) == self._kind

    def resample(self, placed: Placed) -> Iterator[np.ndarray]:
        """Yield what comes out for a frame and the silence before it: float32 (1 or 2, n)."""
        frame, rate_hz = placed.frame, placed.frame.sample_rate
        missing = round(placed.hole_s * rate_hz)
        for start in range(0, missing, rate_hz):
            silence = _silence(frame, min(rate_hz, missing - start))
            yield from self._push(silence, placed.time_s - placed.hole_s + start / rate_hz)
        if skipped := round(placed.skip_s * rate_hz):
            frame = _without(frame, skipped)
        if frame is not None:
            yield from self._push(frame, placed.time_s)

    def rest(self) -> list[np.ndarray]:
        """Return what is still held back, after the last frame: blocks of float32 (1 or 2, n)."""
        if self._graph is None:
            return []
        self._graph.push(None)
        return list(self._pull())

    def _push(self, frame: Any, time_s: float) -> Iterator[np.ndarray]:
        pts = round((time_s - self._start_s) * self._from_hz)
        frame.time_base = self._time_base
        if self._graph is None:
            if self._plain and abs(pts - self._laid) <= self._from_hz * _EXACT_S:
                self._laid += frame.samples
                yield frame.to_ndarray()
                return
            self._graph = _graph(frame, self._rate_hz)
            pts = self._laid  # what it is given first, libswresample takes for right
        frame.pts = pts
        self._graph.push(frame)
        yield from self._pull()

    def _pull(self) -> Iterator[np.ndarray]:
        while True:
            try:
                frame = self._graph.pull()
            except (_AGAIN, _END):
                return
            yield frame.to_ndarray()


def _graph(frame: Any, rate_hz: int) -> Any:
    graph = av.filter.Graph()
    layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
    graph.link_nodes(
        graph.add(
            "abuffer",
            sample_rate=str(frame.sample_rate),
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            time_base=str(frame.time_base),
        ),
        graph.add("aresample", sample_rate=str(rate_hz), **_DOWNMIX, **_FOLLOW),
        graph.add("aformat", sample_rates=str(rate_hz), sample_fmts="fltp", channel_layouts=layout),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _kind(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _silence(like: Any, samples: int) -> Any:
    frame = av.AudioFrame(format=like.format.name, layout=like.layout.name, samples=samples)
    frame.sample_rate = like.sample_rate
    level = 0x80 if like.format.name.startswith("u8") else 0
    for plane in frame.planes:
        plane.update(bytes([level]) * plane.buffer_size)
    return frame


def _without(frame: Any, samples: int) -> Any | None:
    """Return a frame without its first samples, None if nothing is left."""
    if samples >= frame.samples:
        return None
    step = 1 if frame.format.is_planar else frame.layout.nb_channels
    left = np.ascontiguousarray(frame.to_ndarray()[:, samples * step :])
    rest = av.AudioFrame.from_ndarray(left, format=frame.format.name, layout=frame.layout.name)
    rest.sample_rate = frame.sample_rate
    return rest
