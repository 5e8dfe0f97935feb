"""Runs graphs of FFmpeg's filters, written as its `-filter_complex` takes them, inside this process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
from av.filter import Graph

from leitmotif.generators.mixing.sounds import Source

_LABELS = re.compile(r"^(?P<ins>(?:\[[^\]]+\])*)(?P<filters>[^\[\]]+)(?P<outs>(?:\[[^\]]+\])*)$")
_LABEL = re.compile(r"\[([^\]]+)\]")
OUT = "out"
_LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Piece:
    """What comes out of a graph.

    Attributes:
        samples: float32 (channels, n).
        rate_hz: Sampling rate.
        said: What filters said of it, such as {"lavfi.r128.I": "-16.0"}.
    """

    samples: np.ndarray
    rate_hz: int
    said: Mapping[str, str] = field(default_factory=dict)


def filtered(graph: str, sources: Sequence[Source]) -> Iterator[Piece]:
    """Yield what comes out of a graph; a few seconds are held at a time, whatever the length.

    Sounds go in as FFmpeg reads them of WAV files, with their channels interleaved, so that a graph is
    completed as `ffmpeg -filter_complex` completes it (where it resamples), and comes to the same samples.

    Args:
        graph: Chains of filters such as `[0:a]volume=3[a];[a][1:a]amix=inputs=2[out]`; no values that hold
            a comma, a semicolon or a bracket.
        sources: What `0:a`, `1:a` … are.

    Yields:
        Samples in order, of one rate.
    """
    built, inputs, sink = _build(graph, sources)
    streams = [source.seconds() for source in sources]
    places = [0] * len(sources)
    waiting = set(range(len(sources)))
    while waiting:
        for number in sorted(waiting):
            block = next(streams[number], None)
            if block is None:
                inputs[number].push(None)
                waiting.discard(number)
                continue
            inputs[number].push(_frame(block, sources[number].rate_hz, places[number]))
            places[number] += block.shape[1]
        yield from _pulled(sink)
    del built  # which PyAV's filters do not keep alive: they are of use as long as it is


def _build(graph: str, sources: Sequence[Source]) -> tuple[Graph, list[Any], Any]:
    """Return a graph, the filters that take the sources, and the one that gives the result."""
    built = Graph()
    inputs = [
        built.add_abuffer(
            sample_rate=source.rate_hz,
            format="flt",
            layout=_LAYOUTS[source.channels],
            time_base=Fraction(1, source.rate_hz),
        )
        for source in sources
    ]
    ends = {f"{number}:a": (node, 0) for number, node in enumerate(inputs)}
    for text in graph.split(";"):
        parts = _LABELS.match(text)
        if parts is None:
            raise ValueError(f"got the chain {text!r}; expected [label]filter=value,filter=value[label]")
        filters = [each.partition("=") for each in parts["filters"].split(",")]
        nodes = [built.add(name, arguments or None) for name, _, arguments in filters]
        for pad, label in enumerate(_LABEL.findall(parts["ins"])):
            node, end = ends.pop(label)
            node.link_to(nodes[0], end, pad)
        for before, after in pairwise(nodes):
            before.link_to(after)
        ends |= {label: (nodes[-1], pad) for pad, label in enumerate(_LABEL.findall(parts["outs"]))}
    sink = built.add("abuffersink")
    node, end = ends.pop(OUT)
    node.link_to(sink, end, 0)
    if ends:
        raise ValueError(f"the graph leaves {', '.join(sorted(ends))} open; join them to [{OUT}]")
    built.configure()
    return built, inputs, sink


def _frame(block: np.ndarray, rate_hz: int, place: int) -> Any:
    channels, count = block.shape
    # (channels, n) to (1, n * channels), interleaved
    packed = np.ascontiguousarray(block.T, dtype=np.float32).reshape(1, channels * count)
    frame = av.AudioFrame.from_ndarray(packed, "flt", _LAYOUTS[channels])
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, place, Fraction(1, rate_hz)
    return frame


def _pulled(sink: Any) -> Iterator[Piece]:
    while True:
        try:
            frame = sink.pull()
        except (BlockingIOError, EOFError):  # it wants more, or is at its end
            return
        samples = frame.to_ndarray()
        if not frame.format.is_planar:
            samples = samples.reshape(-1, frame.layout.nb_channels).T
        yield Piece(samples.astype(np.float32), frame.sample_rate, dict(frame.metadata))
