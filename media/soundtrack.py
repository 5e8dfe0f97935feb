"""Lays another sound under a film: its pictures are copied packet by packet, never encoded again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from leitmotif.media.audio import read_flac_blocks
from leitmotif.media.container import open_media, require_stream
from leitmotif.media.errors import EncodeFailed
from leitmotif.media.mux import copied_packets, mux_in_order, writing
from leitmotif.media.probe import probe

_BITS_S = 192_000  # where fewer are heard by nobody
_STEREO = 2


@dataclass(frozen=True)
class _Kind:
    """A container and the sound in it: codec, sampling rate (None: that of the sound), sample format."""

    container: str
    codec: str
    rate_hz: int | None
    form: str


# What every player of such files plays.
_KINDS = {
    ".mp4": _Kind("mp4", "aac", 44_100, "fltp"),
    ".m4v": _Kind("mp4", "aac", 44_100, "fltp"),
    ".mov": _Kind("mov", "aac", 44_100, "fltp"),
    ".mkv": _Kind("matroska", "flac", None, "s16"),
    ".webm": _Kind("webm", "libopus", 48_000, "flt"),
}
SUFFIXES = tuple(_KINDS)


def check_soundtrack(film: Path, suffix: str) -> None:
    """Refuse what `lay_sound` could not write, before there is a sound.

    Args:
        film: A file with moving pictures.
        suffix: That of the file that is wanted.

    Raises:
        EncodeFailed: No such container is written, or it does not hold these pictures.
        Unreadable, NotMedia, MissingStream, TooLarge: The film cannot be read.
    """
    kind = _kind_of(suffix)
    with open_media(film) as seen:
        stream = require_stream(seen, "video", film)
        try:
            with av.open(io.BytesIO(), "w", format=kind.container) as trial:
                trial.add_stream_from_template(stream, opaque=True)
                trial.start_encoding()
                # Nothing follows the header here, which some muxers say at the end.
                with suppress(av.error.FFmpegError):
                    trial.close()
        except (av.error.FFmpegError, ValueError) as error:
            raise EncodeFailed(
                f"the pictures of {film.name!r} ({stream.codec_context.name}) do not go into {suffix} as "
                "they are; choose .mkv, which takes nearly all"
            ) from error


def lay_sound(film: Path, sound: Path, out: Path, suffix: str) -> None:
    """Write a film with another sound in place of its own; what it says of itself is kept, as is its length.

    Sound that is longer is cut; after one that is shorter the film is silent. It becomes AAC in MP4 and MOV,
    FLAC in Matroska, and Opus in WebM.

    Args:
        film: A file with moving pictures.
        sound: A WAV or FLAC file of one or two channels.
        out: Where to; the file is gone where it cannot be written whole.
        suffix: The container, one of `SUFFIXES`.

    Raises:
        Unreadable, NotMedia, MissingStream, TooLarge: The film cannot be read.
        EncodeFailed: The container does not hold its pictures.
    """
    check_soundtrack(film, suffix)
    kind, length_s = _kind_of(suffix), probe(film).duration_s
    with open_media(film) as seen:
        source = require_stream(seen, "video", film)
        with writing(out, kind.container) as written:
            written.metadata.update(seen.metadata)
            target = written.add_stream_from_template(source, opaque=True)
            heard = _encoded(written, sound, kind, length_s)
            mux_in_order(written, [copied_packets(seen, source, target), heard])


def _kind_of(suffix: str) -> _Kind:
    if suffix.lower() not in _KINDS:
        raise EncodeFailed(f"got a film ending in {suffix!r}; expected one of {', '.join(SUFFIXES)}")
    return _KINDS[suffix.lower()]


def _encoded(film: Any, sound: Path, kind: _Kind, length_s: float) -> Iterator[Any]:
    """Add a stereo stream of sound to a film, and return its packets."""
    import soundfile

    rate_hz = kind.rate_hz or int(soundfile.info(sound).samplerate)
    stream = film.add_stream(kind.codec, rate=rate_hz, layout="stereo")
    stream.codec_context.format = kind.form
    if kind.codec != "flac":
        stream.bit_rate = _BITS_S
    return _packets(stream, sound, rate_hz, kind.form, round(length_s * rate_hz))


def _packets(stream: Any, sound: Path, rate_hz: int, form: str, most: int) -> Iterator[Any]:
    place = 0
    resampler = av.AudioResampler(form, "stereo", rate_hz)
    for block in read_flac_blocks(sound, rate_hz=rate_hz):
        block = block[:, : most - place]
        if not block.shape[1]:
            break
        both = np.ascontiguousarray(np.broadcast_to(block, (_STEREO, block.shape[1])), np.float32)
        frame = av.AudioFrame.from_ndarray(both, "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, place, Fraction(1, rate_hz)
        place += block.shape[1]
        for part in resampler.resample(frame):
            yield from stream.encode(part)
    for part in resampler.resample(None):
        yield from stream.encode(part)
    yield from stream.encode(None)
