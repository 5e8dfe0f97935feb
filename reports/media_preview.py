"""Short, small pieces of a clip that a page can carry in itself: sound as Ogg Opus, pictures as JPEG."""

from __future__ import annotations

import base64
import io

import av
import numpy as np
import soundfile
import soxr
from PIL import Image

SECONDS = 8.0
RATE_HZ = 48_000  # at which Opus codes
BITS_PER_S = 40_000
THUMBNAIL = (200, 150)


def encode_sound_preview(recording: bytes, *, seconds: float = SECONDS) -> str | None:
    """Return a piece from the middle of a recording, mono, as a data URI.

    Args:
        recording: A sound file that libsndfile reads, such as FLAC.
        seconds: How long at most.

    Returns:
        `data:audio/ogg;base64,…` (Opus at 40 kbit/s); None where the bytes are no sound.
    """
    excerpt = read_middle(recording, seconds)
    if excerpt is None:
        return None
    samples, rate_hz = excerpt[0].mean(axis=1), excerpt[1]
    samples = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
    return "data:audio/ogg;base64," + base64.b64encode(_encode_opus(_fade(samples))).decode("ascii")


def encode_thumbnail(picture: bytes) -> str | None:
    """Return a small JPEG as a data URI; None where the bytes are no picture."""
    small = open_small(picture, THUMBNAIL)
    if small is None:
        return None
    out = io.BytesIO()
    small.save(out, "JPEG", quality=72, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def read_middle(recording: bytes, seconds: float) -> tuple[np.ndarray, int] | None:
    """Return a piece from the middle of a recording, shape (samples, channels), and its rate in hertz.

    None where the bytes are no sound.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(recording)) as file:
            wanted = min(file.frames, round(seconds * file.samplerate))
            if not wanted:
                return None
            file.seek((file.frames - wanted) // 2)
            return file.read(wanted, dtype="float32", always_2d=True), file.samplerate
    except soundfile.LibsndfileError:
        return None


def open_small(picture: bytes, size: tuple[int, int]) -> Image.Image | None:
    """Return a picture that fits into a size; None where the bytes are none."""
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            opened.draft("RGB", size)  # a JPEG is decoded at a fraction of its size
            small = opened.convert("RGB")
            small.thumbnail(size)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return small


def _fade(samples: np.ndarray) -> np.ndarray:
    """Fade 20 ms in and out, so that an excerpt neither starts nor ends with a click."""
    length = min(RATE_HZ // 50, len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return np.clip(samples, -1.0, 1.0)


def _encode_opus(samples: np.ndarray) -> bytes:
    out = io.BytesIO()
    # Without bitexact every file gets a random serial number, and the same dataset another page each time.
    with av.open(out, "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="mono", options={"flags": "+bitexact"})
        stream.bit_rate = BITS_PER_S
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return out.getvalue()
