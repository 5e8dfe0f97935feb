"""Join a picture and a sound, and cut a window, by the FFmpeg that comes with imageio-ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

from leitmotif.collection.errors import Refused

LIMIT_S = 900.0
# Inputs are files that were looked into before, and nothing that they name is opened.
_INPUT = ("-protocol_whitelist", "file", "-i")
# A window is cut exactly, so the picture is encoded again, finely; the sound is kept without loss.
_PICTURE = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")


def join(picture: Path, sound: Path, joined: Path) -> None:
    """Put the picture of one file and the sound of another into one Matroska file, unchanged.

    Raises:
        Refused: FFmpeg cannot.
    """
    sources = (*_INPUT, f"file:{picture}", *_INPUT, f"file:{sound}")
    _run((*sources, "-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-f", "matroska"), joined)


def cut(source: Path, window: Path, *, start_s: float, end_s: float, has_video: bool) -> None:
    """Cut a window to the frame: a Matroska file with H.264 and FLAC, or a FLAC file.

    Args:
        source: The whole file.
        window: Where the window goes.
        start_s: Where it begins, in seconds.
        end_s: Where it ends.
        has_video: Whether the source has a picture.

    Raises:
        Refused: FFmpeg cannot.
    """
    place = ("-ss", f"{start_s:.6f}", "-t", f"{end_s - start_s:.6f}")
    streams = ("-map", "0:v:0", "-map", "0:a:0?", *_PICTURE, "-c:a", "flac", "-f", "matroska")
    sound = ("-map", "0:a:0", "-c:a", "flac", "-f", "flac")
    _run((*place, *_INPUT, f"file:{source}", *(streams if has_video else sound)), window)


def _run(words: Sequence[str], target: Path) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-nostdin", "-hide_banner", "-v", "error", *words, "-y", f"file:{target}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        target.unlink(missing_ok=True)
        raise Refused(f"FFmpeg took longer than {LIMIT_S:g} s") from error
    if done.returncode:
        target.unlink(missing_ok=True)
        said = " ".join(done.stderr.decode(errors="replace").split()).replace(str(target.parent), "")
        raise Refused(f"FFmpeg could not make the file: {said[-300:]}")
