"""Writes films: from pictures and samples, from the streams of two files, or from a window of one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from leitmotif.media.container import open_media, origin_s, require_stream
from leitmotif.media.errors import EncodeFailed
from leitmotif.storage.atomic import whole_file
from leitmotif.storage.errors import is_machine_fault

RATE_HZ = 44100
# Samples that are encoded at once: what AAC takes.
_BLOCK = 1024


@dataclass(frozen=True)
class Encoding:
    """How a film is stored.

    Attributes:
        container: Name of FFmpeg's muxer, such as mp4 or matroska.
        crf: Quality of the pictures: 18 is fine, 35 is coarse.
        preset: Effort of x264.
        key_every: Frames between two key frames at most.
        audio_bits_s: Bit rate of the sound.
    """

    container: str = "mp4"
    crf: int = 24
    preset: str = "superfast"
    key_every: int = 125
    audio_bits_s: int = 160_000


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    sound: np.ndarray,
    *,
    fps: float,
    encoding: Encoding | None = None,
) -> None:
    """Write a film of H.264 and AAC, whole or not at all; the same bytes for the same input.

    Args:
        path: The file.
        frames: uint8 RGB (height, width, 3), even in both directions, all of one size.
        sound: float32 (2, n) at 44100 Hz.
        fps: Frames a second.
        encoding: How to store it.

    Raises:
        ValueError: There are no frames, or their width or height is odd.
    """
    encoding = encoding or Encoding()
    with whole_file(path) as partial:
        options = {"fflags": "+bitexact"}  # no random ids, no dates
        with av.open(str(partial), "w", format=encoding.container, options=options) as film:
            _fill(film, frames, sound, fps, encoding)


def _fill(film: Any, frames: Iterable[np.ndarray], sound: np.ndarray, fps: float, encoding: Encoding) -> None:
    rate = Fraction(fps).limit_denominator(1001)
    audio = film.add_stream("aac", rate=RATE_HZ, layout="stereo", bit_rate=encoding.audio_bits_s)
    video = film.add_stream(
        "libx264", rate=rate, options={"crf": str(encoding.crf), "preset": encoding.preset}
    )
    video.pix_fmt = "yuv420p"
    video.codec_context.gop_size = encoding.key_every
    video.codec_context.thread_count = 1  # more threads would change the bytes
    heard = 0
    count = 0
    for count, frame in enumerate(frames, start=1):
        if count == 1:
            video.height, video.width = frame.shape[:2]
            if video.height % 2 or video.width % 2:
                raise ValueError(f"got frames of {video.width}x{video.height}; H.264 wants even numbers")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = count - 1, 1 / rate
        film.mux(video.encode(picture))
        until = min(sound.shape[1], int(count / rate * RATE_HZ))
        while until - heard >= _BLOCK:
            film.mux(audio.encode(_sound_frame(sound, heard, heard + _BLOCK)))
            heard += _BLOCK
    if count == 0:
        raise ValueError("got no frames; a film needs at least one")
    for start in range(heard, sound.shape[1], _BLOCK):
        film.mux(audio.encode(_sound_frame(sound, start, start + _BLOCK)))
    film.mux(video.encode(None))
    film.mux(audio.encode(None))


def _sound_frame(sound: np.ndarray, start: int, end: int) -> Any:
    part = np.ascontiguousarray(sound[:, start:end], dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
    return frame


def join_streams(picture: Path, sound: Path, joined: Path) -> None:
    """Put the picture of one file and the sound of another into one Matroska file, packets unchanged.

    Both begin where their file does; where a codec starts up before that (AAC), the picture begins as
    much later in the joined film. What the file of the picture says of itself is kept.

    Raises:
        Unreadable, NotMedia, MissingStream: A file cannot be read, or lacks its stream.
        EncodeFailed: Matroska does not hold what is in them.
    """
    with open_media(picture) as seen, open_media(sound) as heard:
        sources = (require_stream(seen, "video", picture), require_stream(heard, "audio", sound))
        with writing(joined, "matroska") as film:
            film.metadata.update(seen.metadata)
            targets = [film.add_stream_from_template(source, opaque=True) for source in sources]
            flows = [copied_packets(*each) for each in zip((seen, heard), sources, targets, strict=True)]
            mux_in_order(film, flows)


def copied_packets(container: Any, source: Any, target: Any) -> Iterator[Any]:
    """Yield the packets of a stream for another file, whose time begins as their own file does."""
    begin = round(origin_s(container) / source.time_base)
    for packet in _dated(packet for packet in container.demux(source) if packet.size):
        packet.pts = (packet.dts if packet.pts is None else packet.pts) - begin
        packet.dts -= begin
        packet.stream = target
        yield packet


def _dated(packets: Iterable[Any]) -> Iterator[Any]:
    """Give a time of decoding to the packets that have none: in Matroska those before reordered pictures."""
    waiting: list[Any] = []
    for packet in packets:
        if packet.dts is None:
            waiting.append(packet)
            continue
        for before, late in zip(range(len(waiting), 0, -1), waiting, strict=True):
            late.dts = packet.dts - before * max(packet.duration or 0, 1)
        yield from waiting
        waiting.clear()
        yield packet
    for packet in waiting:
        packet.dts = packet.pts
    yield from (packet for packet in waiting if packet.dts is not None)


@contextmanager
def writing(path: Path, container: str) -> Iterator[Any]:
    """Give a file to write streams to, the same bytes for the same streams; it goes where that fails.

    Raises:
        EncodeFailed: What an encoder or the container refuses.
        OSError, MemoryError: What the machine does.
    """
    try:
        # No random ids, no dates of today.
        with av.open(str(path), "w", format=container, options={"fflags": "+bitexact"}) as film:
            yield film
    except av.error.FFmpegError as error:
        path.unlink(missing_ok=True)
        if is_machine_fault(error):
            raise
        raise EncodeFailed(
            f"the file cannot be written as {container}: {error.strerror}; convert it with ffmpeg"
        ) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def mux_in_order(film: Any, flows: Iterable[Iterator[Any]]) -> None:
    """Write the packets of several streams, those that are decoded earlier first."""
    for packet in heapq.merge(*flows, key=lambda packet: packet.dts * packet.time_base):
        film.mux(packet)
