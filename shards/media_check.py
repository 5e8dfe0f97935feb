"""Decodes the sound and the pictures of a published row to the end, and says what is wrong with them.

A dataset may be a stranger's: how much is decoded at once is bounded by what the file says of its size.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import soundfile
from PIL import Image

from leitmotif.storage.errors import is_machine_fault, one_line

RATE_HZ, CHANNELS = 44_100, 2
# The longest frame of a common sound codec (HE-AAC): so far may a header and the decoded sound differ.
FRAME_S = 2048 / RATE_HZ
# Twice the pixels of an 8K picture: key frames are asked for by their short side, and no screen shows more.
MOST_PIXELS = 8192 * 8192
_BLOCK = 10 * RATE_HZ


def check_flac(content: pa.Buffer, duration_s: float | None, name: str = "audio") -> Iterator[str]:
    """Decode a sound; yield what is wrong with it.

    Every frame of a FLAC file holds a checksum, and what cannot be decoded by it is an error: a sound that is
    decoded to its stated length is the one that was written.

    Args:
        content: The file.
        duration_s: Length that its row states.
        name: The column that holds it.
    """
    if content[:4].to_pybytes() != b"fLaC":
        yield f"{name} holds no FLAC file"
        return
    try:
        with soundfile.SoundFile(pa.BufferReader(content)) as file:
            said = list(_check_header(file, duration_s, name))
            yield from said or _check_samples(file, name)
    except (soundfile.LibsndfileError, ValueError, OverflowError) as error:
        yield f"{name} cannot be decoded ({one_line(error)})"


def _check_header(file: soundfile.SoundFile, duration_s: float | None, name: str) -> Iterator[str]:
    if (file.samplerate, file.channels) != (RATE_HZ, CHANNELS):
        said = f"{file.samplerate} Hz in {file.channels} channels"
        yield f"{name} has {said}, expected {RATE_HZ} Hz in {CHANNELS}"
        return
    sound_s = file.frames / RATE_HZ
    if duration_s is None or abs(duration_s - sound_s) > FRAME_S:
        stated = "nothing" if duration_s is None else f"{duration_s:.3f} s"
        yield f"duration_s says {stated}, the sound in the row lasts {sound_s:.3f} s; publish again"


def _check_samples(file: soundfile.SoundFile, name: str) -> Iterator[str]:
    block = np.empty((min(_BLOCK, max(file.frames, 1)), CHANNELS), np.int16)
    done = 0
    while length := len(file.read(out=block)):
        done += length
    if done != file.frames:
        yield f"{name} ends after {done / RATE_HZ:.3f} s of {file.frames / RATE_HZ:.3f} s"


def check_jpeg(content: pa.Buffer) -> Iterator[str]:
    """Decode a picture; yield what is wrong with it."""
    if content[:3].to_pybytes() != b"\xff\xd8\xff":
        yield "holds no JPEG file"
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as Pillow's of very many pixels
            with Image.open(pa.BufferReader(content), formats=["JPEG"]) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    yield f"is {picture.width}x{picture.height} pixels, expected at most {MOST_PIXELS}"
                    return
                picture.load()
    except Exception as error:  # a decoder's errors are of many kinds
        if is_machine_fault(error):
            raise
        yield f"cannot be decoded ({one_line(error)})"
