"""Look into a file that came, before it counts: what it is, whether it may stay, how it should be named."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collection.refusals import Refused
from collection.settings import Settings
from media.errors import MediaError
from media.limited import LimitedWorker
from media.probe import Probe, probe

PROBE_LIMIT_S = 60.0
# Endings by FFmpeg's names of containers; others are refused.
_SUFFIXES = {
    "mov": ".mp4",
    "mp3": ".mp3",
    "wav": ".wav",
    "w64": ".wav",
    "flac": ".flac",
    "ogg": ".ogg",
    "aac": ".aac",
    "aiff": ".aiff",
    "mpegts": ".ts",
    "mpeg": ".mpg",
    "avi": ".avi",
    "flv": ".flv",
    "asf": ".wmv",
}
_WEBM_CODECS = frozenset({"vp8", "vp9", "av1", "libdav1d", "opus", "vorbis", "libvpx-vp9", "libvpx", None})


class Inspectors:
    """A few child processes that read headers: a file that breaks a demuxer breaks nothing else."""

    def __init__(self, number: int) -> None:
        self._workers = [LimitedWorker() for _ in range(number)]
        self._free: queue.SimpleQueue[LimitedWorker] = queue.SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)

    @contextmanager
    def open(self) -> Iterator[Inspectors]:
        """End the processes at the end."""
        try:
            yield self
        finally:
            for worker in self._workers:
                worker.close()

    def inspect(self, path: Path, settings: Settings) -> tuple[Probe, str]:
        """Return what a file says about itself, and its ending.

        Raises:
            Refused: It is no media file, of a kind that is not kept, or too long.
        """
        worker = self._free.get()
        try:
            found = worker.run(probe, path, limit_s=PROBE_LIMIT_S)
        except MediaError as error:
            raise Refused(str(error).replace(repr(path.name), "what came")) from error
        finally:
            self._free.put(worker)
        if found.duration_s > settings.max_duration_s:
            raise Refused(
                f"the file is {found.duration_s:.0f} s long; the limit is {settings.max_duration_s:g} s "
                "(--max-duration)"
            )
        return found, _suffix_of(found)


def _suffix_of(found: Probe) -> str:
    names = found.container.split(",")
    if "matroska" in names:
        return ".webm" if {found.video_codec, found.audio_codec} <= _WEBM_CODECS else ".mkv"
    for name in names:
        if name in _SUFFIXES:
            return _SUFFIXES[name]
    raise Refused(
        f"the file is a {found.container!r} container; expected one of "
        f" matroska, {', '.join(sorted(_SUFFIXES))}"
    )
