"""Writing and re-encoding films: H.264 pictures and AAC sound, the same bytes for the same input."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

RATE_HZ = 44100


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


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes its place when all went well, and goes when not."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_film(
    path: Path,
    frames: Iterable[np.ndarray],
    sound: np.ndarray,
    *,
    fps: float,
    encoding: Encoding | None = None,
) -> None:
    """Write a film, whole or not at all.

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


def _fill(
    film: "av.container.OutputContainer",
    frames: Iterable[np.ndarray],
    sound: np.ndarray,
    fps: float,
    encoding: Encoding,
) -> None:
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
        while until - heard >= 1024:
            film.mux(audio.encode(_sound_frame(sound, heard, heard + 1024)))
            heard += 1024
    if count == 0:
        raise ValueError("got no frames; a film needs at least one")
    for start in range(heard, sound.shape[1], 1024):
        film.mux(audio.encode(_sound_frame(sound, start, start + 1024)))
    film.mux(video.encode(None))
    film.mux(audio.encode(None))


def _sound_frame(sound: np.ndarray, start: int, end: int) -> "av.AudioFrame":
    part = np.ascontiguousarray(sound[:, start:end], dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
    return frame


def _read_sound(path: Path) -> np.ndarray:
    blocks: list[np.ndarray] = []
    with av.open(str(path)) as film:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE_HZ)
        for frame in film.decode(audio=0):
            blocks += [part.to_ndarray() for part in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1)


def _read_frames(path: Path, size: tuple[int, int]) -> Iterator[np.ndarray]:
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield cv2.resize(frame.to_ndarray(format="rgb24"), size, interpolation=cv2.INTER_AREA)


def encode_again(source: Path, out: Path, *, size: tuple[int, int], encoding: Encoding) -> None:
    """Write a film anew in another size and quality, as somebody would who uploads it again."""
    with av.open(str(source)) as film:
        rate, pictures = film.streams.video[0].average_rate, film.streams.video[0].frames
    if rate is None:
        raise ValueError(f"{source.name} states no frame rate; give a film that {write_film.__name__} wrote")
    sound = _read_sound(source)
    if pictures:  # a decoder gives whole blocks of sound, a little more than there was
        sound = sound[:, : int(pictures / rate * RATE_HZ)]
    write_film(out, _read_frames(source, size), sound, fps=float(rate), encoding=encoding)
