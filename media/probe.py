"""What a media file says about itself: container, streams, size, duration."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leitmotif.media import sndfile
from leitmotif.media.container import (
    DECODE_ERRORS,
    MOST_PIXELS,
    check_damage,
    declared_s,
    demuxed,
    open_media,
    pick_audio,
    pick_video,
    stream_duration_s,
)
from leitmotif.media.errors import DecodeFailed, NotMedia, TooLarge
from leitmotif.media.orientation import Orientation, orientation
from leitmotif.media.timeline import confirmed_s, is_counted, packets_end_s

_MAX_PLAUSIBLE_FPS = 480.0  # above, the number is a clock (1000, 90000), not a frame rate
_MAX_PLAUSIBLE_S = 1_000_000.0  # eleven days; above, the header is broken
# Silence in Ogg, the smallest there is, takes three times as many bytes a second; short files may have fewer.
_LEAST_BYTES_S, _PLAUSIBLE_S = 10.0, 600.0
LONGEST_S = 24 * 3600.0  # the longest live recordings of web sites are half as long


@dataclass(frozen=True)
class Probe:
    """What a media file says about itself.

    Attributes:
        container: Name of the format, such as "mov,mp4,m4a,3gp,3g2,mj2".
        duration_s: Length of the longest stream.
        has_video: Whether there is a moving picture; a cover is none.
        has_audio: Whether there is sound that can be decoded.
        width: Width of the picture as displayed (pixel shape and rotation applied), in pixels.
        height: Height of the picture as displayed, in pixels.
        fps: Average frames a second, None where it is unknown.
        rotation_deg: Clockwise turn that a player applies: 0, 90, 180 or 270; of a mirrored picture, the turn
            after left and right have changed places.
        video_codec: Name, such as "h264".
        audio_codec: Name, such as "aac".
        audio_rate_hz: Samples a second.
        audio_channels: How many.
        decoder: What could read it, "ffmpeg" or "libsndfile".
    """

    container: str
    duration_s: float
    has_video: bool
    has_audio: bool
    width: int | None
    height: int | None
    fps: float | None
    rotation_deg: int
    video_codec: str | None
    audio_codec: str | None
    audio_rate_hz: int | None
    audio_channels: int | None
    decoder: str = "ffmpeg"


def probe(path: Path) -> Probe:
    """Read the headers of a media file, and one frame for its rotation; libsndfile where FFmpeg refuses it.

    The duration is that of the packets where the container has no index (`timeline`), else the container's
    (Matroska's only if the last packets end there), else the longest stream's. A file whose header is fine
    and whose data are damaged passes here and fails where it is decoded.

    Args:
        path: A regular file.

    Raises:
        Unreadable: If the file cannot be opened.
        NotMedia: If it is no media container, one without picture and sound, or too small for its length.
        TooLarge: If it lasts longer than `LONGEST_S`.
        DecodeFailed: If it is FLAC of which less than half is there.
    """
    path = Path(path)
    try:
        return _probe(path)
    except NotMedia:
        with suppress(NotMedia):
            return _probe_sound(path)
        raise


def _probe_sound(path: Path) -> Probe:
    with sndfile.open_sound(path) as file:
        return Probe(
            container=file.format.lower(),
            duration_s=file.frames / file.samplerate,
            has_video=False,
            has_audio=True,
            width=None,
            height=None,
            fps=None,
            rotation_deg=0,
            video_codec=None,
            audio_codec=file.subtype.lower(),
            audio_rate_hz=file.samplerate,
            audio_channels=file.channels,
            decoder=sndfile.NAME,
        )


def _probe(path: Path) -> Probe:
    with open_media(path) as container:
        video, audio = pick_video(container), pick_audio(container)
        if video is None and audio is None:
            held = sorted({stream.type for stream in container.streams})
            raise NotMedia(
                f"{path.name!r} holds neither moving pictures nor sound that can be decoded"
                f" (found: {', '.join(held) or 'nothing'}); leave it out"
            )
        duration_s = None if is_counted(container) else _declared_duration_s(container, video, audio)
        duration_s = packets_end_s(path) if duration_s is None else confirmed_s(path, duration_s)
        if not duration_s:
            raise NotMedia(
                f"{path.name!r} has headers but no data (an empty or init-only file); fetch all of it"
            )
        _check_length(path, duration_s)
        if container.format.name == "flac" and duration_s < (stream_duration_s(audio) or 0.0) / 2:
            # Its header says how many samples there were; what is left may be too short for any rule.
            raise DecodeFailed(
                f"only {duration_s:.1f} s of {stream_duration_s(audio):.1f} s of the sound of {path.name!r}"
                " are there, the data end early; export, copy or download the file again"
            )
        width, height, rotation_deg = (None, None, 0) if video is None else _displayed_size(container, video)
        return Probe(
            container=container.format.name,
            duration_s=duration_s,
            has_video=video is not None,
            has_audio=audio is not None,
            width=width,
            height=height,
            fps=None if video is None else _frame_rate(path, video),
            rotation_deg=rotation_deg,
            video_codec=None if video is None else video.codec_context.name,
            audio_codec=None if audio is None else audio.codec_context.name,
            audio_rate_hz=None if audio is None else audio.codec_context.sample_rate or None,
            audio_channels=None if audio is None else audio.codec_context.channels or None,
        )


def _check_length(path: Path, duration_s: float) -> None:
    """Refuse a length that is too much to be read, or that the bytes of the file cannot hold.

    Raises:
        TooLarge: It is above `LONGEST_S`.
        NotMedia: The file would hold less than `_LEAST_BYTES_S`; a timestamp or a header is damaged.
    """
    hours = duration_s / 3600
    if duration_s > LONGEST_S:
        raise TooLarge(
            f"{path.name!r} says that it lasts {hours:.0f} hours, and up to {LONGEST_S / 3600:.0f} are read;"
            " cut it into parts with ffmpeg, or export it again"
        )
    size_bytes = path.stat().st_size
    if duration_s > _PLAUSIBLE_S + size_bytes / _LEAST_BYTES_S:
        raise NotMedia(
            f"{path.name!r} says that it lasts {hours:.1f} hours and has only {size_bytes} bytes; it is"
            " damaged: fetch or export it again"
        )


def _declared_duration_s(container: Any, *streams: Any) -> float | None:
    """Return the duration in the headers, or None if there is none that makes sense."""
    known = [stream_duration_s(stream) for stream in streams if stream is not None]
    known.insert(0, declared_s(container))
    plausible = [value for value in known if value is not None and 0 < value < _MAX_PLAUSIBLE_S]
    return plausible[0] if plausible else None


def _displayed_size(container: Any, stream: Any) -> tuple[int | None, int | None, int]:
    """Return width, height and clockwise rotation as a player shows them."""
    turned = Orientation()
    aspect = stream.sample_aspect_ratio
    try:
        large = stream.codec_context.width * stream.codec_context.height > MOST_PIXELS
        frame = None if large else next(iter(container.decode(stream)), None)
    except DECODE_ERRORS as error:
        check_damage(error, container.name)
        frame = None
    if frame is not None:
        turned = orientation(frame)
    width, height = displayed_size(stream.codec_context.width, stream.codec_context.height, aspect)
    if not (width and height):
        return None, None, turned.clockwise_deg
    return (*((height, width) if turned.transposed else (width, height)), turned.clockwise_deg)


def displayed_size(width: int, height: int, aspect: Any) -> tuple[int, int]:
    """Return width and height of a picture with square pixels, before it is turned.

    Args:
        width: Width as coded, in pixels.
        height: Height as coded, in pixels.
        aspect: Width over height of one pixel, a fraction; None or 0 where unknown.
    """
    if aspect and 0.1 < aspect < 10:
        width = max(round(width * float(aspect)), 1) if width else 0
    return width, height


def _frame_rate(path: Path, stream: Any) -> float | None:
    """Return average frames a second; count those of the first seconds where the header holds a clock."""
    rate = stream.average_rate
    if rate and 0 < rate <= _MAX_PLAUSIBLE_FPS:
        return float(rate)
    with open_media(path) as container:
        same = container.streams[stream.index]
        times_s: list[float] = []
        try:
            for packet in itertools.islice(demuxed(container, same), 500):
                if packet.pts is not None:
                    times_s.append(float(packet.pts * packet.time_base))
        except DECODE_ERRORS as error:
            check_damage(error, path)
    if len(times_s) < 2 or max(times_s) <= min(times_s):
        return None
    return (len(times_s) - 1) / (max(times_s) - min(times_s))
