"""Decode the media columns of a row: FLAC to samples, JPEG to pixels."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import cv2
import numpy as np
import soundfile
from PIL import Image

from leitmotif.shards.columns import SOUNDS

_JPEG_END = b"\xff\xd9"


class Audio(NamedTuple):
    """The sound of a clip."""

    samples: np.ndarray
    """float32 (channels, samples), -1..1."""
    rate_hz: int


class AudioWindow(NamedTuple):
    """A part of the sound of a clip."""

    samples: np.ndarray
    """float32 (channels, samples), -1..1."""
    rate_hz: int
    start_s: float
    """Where it begins in the clip."""


def decode_window(data: bytes, length_s: float, seed: int) -> AudioWindow:
    """Decode a window of a FLAC file, and no more than that.

    Args:
        data: Bytes of the file.
        length_s: Length of the window; a shorter clip is given whole.
        seed: Draws where the window begins, evenly over all that are possible.

    Returns:
        Samples, rate and start.

    Raises:
        ValueError: The bytes are no FLAC file, or it ends early.
    """
    with _opened(data) as file:
        size = round(length_s * file.samplerate)
        spare = max(0, file.frames - size)
        start = int(np.random.default_rng(seed).integers(spare + 1))
        file.seek(start)
        samples = file.read(min(size, file.frames), dtype="float32", always_2d=True)
        if len(samples) < min(size, file.frames):
            raise ValueError("the FLAC file ends before it has as many samples as it says")
        # (n, channels) to (channels, n)
        return AudioWindow(np.ascontiguousarray(samples.T), file.samplerate, start / file.samplerate)


def decode_audio(data: bytes) -> Audio:
    """Decode a FLAC file.

    Args:
        data: Bytes of the file.

    Returns:
        Samples and rate.

    Raises:
        ValueError: The bytes are no FLAC file, or it ends early.
    """
    with _opened(data) as file:
        samples, rate_hz = file.read(dtype="float32", always_2d=True), file.samplerate
    return Audio(np.ascontiguousarray(samples.T), rate_hz)  # (n, channels) to (channels, n)


def decode_blocks(data: bytes, length_s: float | None = None, block_s: float = 10.0) -> Iterator[Audio]:
    """Decode a FLAC file block by block: memory does not grow with its length.

    Args:
        data: Bytes of the file.
        length_s: How much of its beginning is decoded, rounded up to a sample; all of it by default.
        block_s: Length of a block; the last may be shorter.

    Yields:
        Samples and rate of the next block; nothing of a file without samples.

    Raises:
        ValueError: The bytes are no FLAC file, or it ends early.
    """
    with _opened(data) as file:
        left = file.frames
        if length_s is not None:
            left = min(math.ceil(length_s * file.samplerate), left)
        while left > 0:
            size = min(left, max(round(block_s * file.samplerate), 1))
            samples = file.read(size, dtype="float32", always_2d=True)
            if len(samples) < size:
                raise ValueError("the FLAC file ends before it has as many samples as it says")
            left -= size
            yield Audio(np.ascontiguousarray(samples.T), file.samplerate)  # (n, channels) to (channels, n)


@contextmanager
def _opened(data: bytes) -> Iterator[soundfile.SoundFile]:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise ValueError(f"no readable FLAC file ({error.error_string})") from error
    except MemoryError as error:
        raise ValueError("the FLAC file says that it has more samples than fit into memory") from error


def decode_frame(data: bytes) -> np.ndarray:
    """Decode a JPEG picture.

    Args:
        data: Bytes of the file.

    Returns:
        RGB, uint8 (height, width, 3).

    Raises:
        ValueError: The bytes are no JPEG picture, or it is cut off.
    """
    # OpenCV 4 fills a picture that is cut off with grey and says nothing.
    if data.endswith(_JPEG_END):
        with suppress(cv2.error):
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
            if pixels is not None:
                return pixels
    # What OpenCV refuses, Pillow reads or names the reason.
    return np.array(decode_picture(data))


def decode_picture(data: bytes) -> Image.Image:
    """Decode a JPEG picture for libraries that take PIL images.

    Raises:
        ValueError: The bytes are no JPEG picture, or it is cut off.
    """
    try:
        return Image.open(io.BytesIO(data), formats=["JPEG"]).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"no readable JPEG picture ({error})") from error


def decoders(decode: bool, frames: str) -> Mapping[str, Callable[[Any], Any]]:
    """Return what makes a value of each media column out of its bytes.

    Args:
        decode: False leaves bytes as they are.
        frames: "numpy" or "pil".
    """
    if not decode:
        return {}
    frame = {"numpy": decode_frame, "pil": decode_picture}[frames]
    return {**dict.fromkeys(SOUNDS, decode_audio), "frames": frame}
