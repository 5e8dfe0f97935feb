"""Opens a media file safely and chooses the streams that count as its picture and its sound."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import av
import av.error

from leitmotif.media.diagnose import describe_broken
from leitmotif.media.errors import DecodeFailed, MissingStream, NoSuchFile, NotMedia, TooLarge, Unreadable
from leitmotif.storage.errors import first_line, is_machine_fault, lacks_memory

# Demuxers that follow references to other files or devices, show a still picture as a video, or take any
# bytes at all for sound. A dataset is made of files that stand alone.
_REFUSED = frozenset(
    """
    avisynth concat dash hds hls image2 image2pipe imf live_flv rtp rtsp sap sdp segment smoothstreaming tee
    vapoursynth webm_dash_manifest alsa fbdev kmsgrab lavfi oss video4linux2,v4l2 x11grab adf bin data
    ffmetadata idf tty xbin alaw codec2raw f32be f32le f64be f64le mulaw rawvideo s16be s16le s24be s24le
    s32be s32le s8 u16be u16le u24be u24le u32be u32le u8 vidc
    """.split()  # noqa: SIM905 - a table, not a list
)
# Containers that hold music; a picture in them is a cover.
_MUSIC_CONTAINERS = frozenset({"mp3", "ogg", "flac", "wav", "aiff", "ape", "wv", "tta", "dsf", "mpc", "mpc8"})
_STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff"})
# Codec errors surface as these, and so does what the machine refuses (`check_damage`); everything else is a
# bug and must be seen.
DECODE_ERRORS = (av.error.FFmpegError, ValueError, EOFError)
# Of pictures; 8K film has half as many. FFmpeg's own bound is 128 times as high.
MOST_PIXELS = 8192 * 8192


@cache
def _allowed_formats() -> str:
    names = (name for name in av.formats_available if name not in _REFUSED and not name.endswith("_pipe"))
    return ",".join(sorted(names))


def _check_readable(path: Path) -> int:
    """Return the size in bytes of a regular, non-empty file that may be read; open nothing.

    Raises:
        NoSuchFile: If it is not there.
        Unreadable: If it is anything else.
        OSError: If the machine refuses, such as a share that is no longer mounted.
    """
    name = path.name
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoSuchFile(f"cannot open {name!r}: there is no such file; check the path") from error
    except OSError as error:
        if is_machine_fault(error):
            raise
        reason = {
            errno.EACCES: "permission denied; give the user that runs this read access",
            errno.ENAMETOOLONG: "the name is too long for this file system; rename the file",
        }.get(error.errno or 0, f"{os.strerror(error.errno or 0)}; check the disk")
        raise Unreadable(f"cannot open {name!r}: {reason}") from error
    except ValueError as error:  # a null byte in the name
        raise Unreadable(f"cannot open {name!r}: {error}; rename the file") from error
    if not stat.S_ISREG(status.st_mode):
        kind = next(
            (
                word
                for test, word in (
                    (stat.S_ISDIR, "a directory"),
                    (stat.S_ISFIFO, "a named pipe"),
                    (stat.S_ISSOCK, "a socket"),
                    (stat.S_ISCHR, "a device"),
                    (stat.S_ISBLK, "a device"),
                )
                if test(status.st_mode)
            ),
            "something else",
        )
        raise Unreadable(f"{name!r} is not a regular file but {kind}; give the path of a media file")
    if status.st_size == 0:
        raise Unreadable(
            f"{name!r} is empty (0 bytes), as a copy that failed; export, copy or download it again"
        )
    if not os.access(path, os.R_OK):
        raise Unreadable(f"cannot open {name!r}: permission denied; give the user that runs this read access")
    return status.st_size


def check_damage(error: Exception, path: Path | str) -> None:
    """Raise an error of FFmpeg's again that is the machine's; any other is damage in the file.

    Raises:
        MemoryError: Memory was asked for in vain.
        OSError: The file cannot be read any more.
    """
    if lacks_memory(error):
        raise MemoryError(str(error)) from error
    if getattr(error, "errno", None) == errno.EIO:  # which FFmpeg also says of data that end too early
        with Path(path).open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
    elif is_machine_fault(error):
        raise error


@contextmanager
def open_media(path: Path | str) -> Iterator[Any]:
    """Open a PyAV input container, closed on leaving; nothing but this one local file is read.

    Args:
        path: A regular file; any name works, also one that looks like an option or a URL.

    Raises:
        Unreadable: If the file is missing, empty, not a regular file or not readable.
        NotMedia: If its content is not a container with media.
        OSError, MemoryError: If the machine refuses.
    """
    path = Path(path)
    _check_readable(path)
    try:
        # An absolute path is never taken for a protocol ("a:b.mp4") or an option ("-x.mp4").
        container = av.open(
            os.path.abspath(path),  # noqa: PTH100 - resolve() would follow links, and fail on loops
            metadata_errors="replace",
            container_options={"format_whitelist": _allowed_formats(), "protocol_whitelist": "file"},
        )
    except DECODE_ERRORS as error:
        check_damage(error, path)
        raise NotMedia(describe_broken(path)) from error
    with container:
        yield container


def is_cover(container: Any, stream: Any) -> bool:
    """Whether a video stream is a still picture that goes with the sound."""
    disposition = av.stream.Disposition
    if stream.disposition & (
        disposition.attached_pic | disposition.timed_thumbnails | disposition.still_image
    ):
        return True
    music = not _MUSIC_CONTAINERS.isdisjoint(container.format.name.split(","))
    context = stream.codec_context
    return music and context is not None and context.name in _STILL_CODECS


def _best(streams: list[Any], size: Any) -> Any | None:
    """Choose a stream: one that has a decoder and data, is marked default, is the largest, comes first."""
    usable = [stream for stream in streams if stream.codec_context is not None]
    if not usable:
        return None

    def rank(stream: Any) -> tuple[bool, bool, int, int]:
        # `frames` is 0 where the container does not count: only a sibling with a count says "this is empty".
        holds = stream.frames > 0 or not any(other.frames > 0 for other in usable)
        default = bool(stream.disposition & av.stream.Disposition.default)
        return holds, default, size(stream.codec_context), -stream.index

    return max(usable, key=rank)


def pick_video(container: Any) -> Any | None:
    """Choose the moving picture of a container: the best default stream that is not a cover, or None."""
    streams = [stream for stream in container.streams.video if not is_cover(container, stream)]
    return _best(streams, lambda context: context.width * context.height)


def pick_audio(container: Any) -> Any | None:
    """Choose the sound of a container: the best default stream with a decoder, or None."""
    return _best(list(container.streams.audio), lambda context: context.channels * context.sample_rate)


def require_stream(container: Any, kind: str, path: Path) -> Any:
    """Return the stream of a kind ("video" or "audio"), opened with one decoding thread.

    Raises:
        MissingStream: If there is none, or none with a decoder.
        TooLarge: If its pictures have more than `MOST_PIXELS`.
    """
    stream = pick_video(container) if kind == "video" else pick_audio(container)
    if stream is None:
        present = sorted({other.type for other in container.streams})
        same = [other for other in container.streams if other.type == kind]
        if any(other.codec_context is None for other in same):
            why = f"its {kind} stream uses an unknown codec; convert it with ffmpeg first"
        elif same:
            why = "it only has a cover picture; give the video, or use the music-track recipe"
        else:
            found = " and ".join(present) or "no streams"
            why = f"it holds {found}; leave the file out, or give one with {kind}"
        raise MissingStream(f"{path.name!r} has no {kind} stream: {why}")
    # One thread a file: files are decoded side by side, where threads inside a file cost more than they give.
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    if kind == "video":
        check_pixels(stream, path)
        # A size that changes in the middle of a file is FFmpeg's to refuse.
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return stream


def check_pixels(stream: Any, path: Path) -> None:
    """Refuse a video stream with more pixels than `MOST_PIXELS`, before one is decoded.

    Raises:
        TooLarge: If it has.
    """
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise TooLarge(
            f"the pictures of {path.name!r} have {width}x{height} pixels; up to {MOST_PIXELS:,} (8192x8192)"
            " are decoded: make them smaller with ffmpeg, or leave the file out"
        )


def origin_s(container: Any) -> float:
    """Return the timestamp of the container's first moment; windows count from there."""
    if container.start_time is not None:
        return container.start_time / av.time_base
    starts_s = [float(s.start_time * s.time_base) for s in container.streams if s.start_time is not None]
    return min(starts_s, default=0.0)


def seek_back(container: Any, stream: Any, time_s: float) -> None:
    """Go to the key frame at or before a moment, counted from the first one of the file."""
    time = (max(time_s, 0.0) + origin_s(container)) / stream.time_base
    container.seek(int(time), stream=stream, backward=True)


def declared_s(container: Any) -> float | None:
    """Return the length of the longest stream as FFmpeg gives it, None where it gives none."""
    if not container.duration:
        return None
    stated_s = container.duration / av.time_base
    matroska = "matroska" in container.format.name.split(",")
    return _since_origin_s(stated_s, container) if matroska else stated_s


def _since_origin_s(stated_s: float, container: Any) -> float:
    """Correct a length that Matroska states: some writers count it from the first moment, FFmpeg from 0."""
    zero_s = origin_s(container)
    return stated_s - zero_s if 0 < zero_s < stated_s else stated_s


def stream_duration_s(stream: Any) -> float | None:
    """Return how long a stream says it is, in seconds, or None where the container does not say it."""
    if stream.duration is not None and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    tag = stream.metadata.get("DURATION", "")  # Matroska: "00:00:01.071000000"
    try:
        hours, minutes, seconds = tag.split(":")
        stated_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
    return _since_origin_s(stated_s, stream.container) or None


def demuxed(container: Any, *streams: Any) -> Iterator[Any]:
    """Yield the packets of some streams, of all by default, from here to the end.

    Of streams that a file begins in its middle, as MPEG-TS may, PyAV raises IndexError: they are passed over.
    """
    while True:
        try:
            yield from container.demux(*streams)
        except IndexError:
            continue
        return


def decoded_frames(container: Any, stream: Any, errors: list[str]) -> Iterator[Any]:
    """Decode a stream from here to the end; damage is passed over, or is the end where it cannot be.

    Args:
        container: An open container.
        stream: One of its streams.
        errors: What the decoder complains about is added here, before the frames that follow it.
    """
    packets = demuxed(container, stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except DECODE_ERRORS as error:
            check_damage(error, container.name)
            errors.append(decoder_message(error))
            packet = None  # what the decoder still holds comes out, then this ends
        try:
            yield from stream.codec_context.decode(packet)
        except av.error.EOFError:
            return
        except DECODE_ERRORS as error:
            check_damage(error, container.name)
            errors.append(decoder_message(error))
        if packet is None:
            return


def check_decoded(
    path: Path, kind: str, *, decoded_s: float, expected_s: float | None, errors: list[str], nothing: bool
) -> None:
    """Decide whether enough of a stream was decoded.

    Nothing at all fails. So does less than 90 % of what was expected: damage in the middle or a file cut
    short. A small loss, such as junk after the last frame, passes.

    Args:
        path: The file, for the message.
        kind: "video" or "audio".
        decoded_s: How much came out, in seconds.
        expected_s: How much should have, None if the file does not say.
        errors: What the decoder complained about, in order.
        nothing: Whether not a single frame came out.

    Raises:
        DecodeFailed: If too little was decoded.
    """
    reason = f"; the decoder says: {errors[0]}" if errors else ""
    if nothing:
        raise DecodeFailed(
            f"no {kind} frame of {path.name!r} can be decoded{reason}; fetch or export the file again"
        )
    if expected_s is not None and decoded_s < 0.9 * expected_s - 0.5:
        raise DecodeFailed(
            f"only {decoded_s:.1f} s of {expected_s:.1f} s of the {kind} of {path.name!r} can be decoded"
            f"{reason or ', the data end early'}; fetch or export the file again"
        )


def decoder_message(error: Exception) -> str:
    """Return one short line of a PyAV exception."""
    return first_line(getattr(error, "strerror", None) or error)[:200]
