"""Writes small films and sounds with known content."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np


def write_video(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    fps: int = 25,
    times: Sequence[int] | None = None,
    rotation_deg: float = 0.0,
    container_format: str | None = None,
    key_every: int = 25,
    options: dict[str, str] | None = None,
    fields: str | None = None,
) -> Path:
    """Grey frames as a film; `times` counts milliseconds instead of frames; `fields`: "tff" or "bff"."""
    container_format = container_format or {".mkv": "matroska", ".ts": "mpegts", ".mov": "mov"}.get(
        path.suffix, "mp4"
    )
    with av.open(str(path.absolute()), "w", format=container_format) as container:
        chosen = {"crf": "4", "preset": "ultrafast"} if codec == "libx264" else {}
        if fields is not None and codec != "mjpeg":  # whose pictures know no fields
            chosen["flags"] = "+ildct"
        stream = container.add_stream(codec, rate=fps, options={**chosen, **(options or {})})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.gop_size = key_every
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if fields is not None:
            stream.codec_context.field_order = {"tff": 2, "bff": 3}[fields]
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        for index, grey in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(grey), format="gray")
            frame = frame.reformat(format=pix_fmt)
            frame.pts = index if times is None else times[index]
            frame.time_base = Fraction(1, fps if times is None else 1000)
            container.mux(stream.encode(frame if fields is None else _flagged(frame, fields)))
        container.mux(stream.encode(None))
    return path


def _flagged(frame: av.VideoFrame, fields: str) -> av.VideoFrame:
    """The frame, said to hold two fields."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add("setfield", fields), graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


def write_tone(
    path: Path,
    samples: np.ndarray,
    *,
    rate_hz: int = 44100,
    codec: str = "pcm_s16le",
    layout: str = "stereo",
    tags: dict[str, str] | None = None,
) -> Path:
    """float32 (channels, n) as a sound file."""
    with av.open(str(path), "w") as container:
        container.metadata.update(tags or {})
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        stream.codec_context.open()
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        frame.pts = 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path
