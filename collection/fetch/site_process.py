"""Reads the pages of video sites in a child process: a page made to be slow costs one item, not the run.

yt-dlp searches pages with thousands of regular expressions. Of a page that is made for it, 20 kB are enough
to keep one of them busy for a minute, a megabyte for days, and while one searches no other thread of its
process runs, nor is Ctrl-C heard. So it works in a process of its own, which is bounded in processor time and
killed when the item or the run ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import selectors
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from leitmotif.collection import errors
from leitmotif.collection.bounded_socket import SLICE_S
from leitmotif.collection.errors import CollectError, Refused, Unavailable
from leitmotif.collection.fetch.budget import Meter
from leitmotif.collection.fetch.video_site import Playlist, Video
from leitmotif.collection.settings import Settings
from leitmotif.media.child_process import start_child
from leitmotif.media.messages import HEADER, unpack, write_message

logger = logging.getLogger("leitmotif.collection")

# Of processor time, from one thing that comes to the next. YouTube's scripts take some ten seconds where
# there is no runtime for them.
MOST_BUSY_S = 120.0
# What a page says of its video; a playlist of 500 has some hundred kilobytes.
_MOST_BYTES = 64 << 20
_KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, CollectError)
}


class SiteProcess:
    """As `leitmotif.collection.fetch.video_site.VideoSite`, in a child that starts with the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._came = bytearray()

    def resolve(self, url: str, meter: Meter, *, entry: int | None = None) -> Video | Playlist:
        """Find out what an address holds; see `VideoSite.resolve`."""
        kind, value = self._call(meter, "resolve", url, entry)
        return Playlist(tuple(value)) if kind == "playlist" else Video(value[0], tuple(value[1]))

    def search(self, words: str, meter: Meter) -> list[dict[str, Any]]:
        """Search YouTube; see `VideoSite.search`."""
        found: list[dict[str, Any]] = self._call(meter, "search", words)
        return found

    def fetch(self, video: Video, chosen: dict[str, Any], part: Path, meter: Meter) -> None:
        """Fetch one of the formats of the video that was resolved last; see `VideoSite.fetch`."""
        meter.bytes = 0
        self._call(meter, "fetch", video.formats.index(chosen), str(part))

    def close(self) -> None:
        """End the child, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and the runtime of JavaScript that it may have started
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _call(self, meter: Meter, *request: object) -> Any:
        """Return what the child answers, and count what comes meanwhile.

        Raises:
            CollectError: What the child raises, or the meter.
            OSError: The disk failed.
        """
        try:
            process = self._started()
            write_message(process.stdin, pickle.dumps(request))
            while (message := self._next(process, meter))[0] not in ("done", "error"):
                if message[0] == "bytes":
                    meter.count(int(message[1]))
                else:
                    logger.log(int(message[1]), "%s", message[2])
        except (EOFError, BrokenPipeError, ValueError, TypeError, LookupError) as error:
            self.close()
            raise Unavailable("the process that reads pages was lost; is memory short?") from error
        except BaseException:
            self.close()  # it still works at what nobody waits for
            raise
        if message[0] == "error":
            raise _error(*message[1:])
        return message[1]

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._came.clear()
            self._process = start_child("leitmotif.collection.fetch.site_child")
            write_message(self._process.stdin, pickle.dumps((self._settings, logger.getEffectiveLevel())))
        return self._process

    def _next(self, process: subprocess.Popen[bytes], meter: Meter) -> list[Any]:
        """Return the next message of the child.

        Raises:
            Refused: It is busy for too long.
            CollectError: The time of the item or the run is over.
            EOFError: It is gone.
        """
        began_s = _busy_s(process)
        header = self._read(process, HEADER.size, meter, began_s)
        (length,) = HEADER.unpack(header)
        if length > _MOST_BYTES:
            raise Refused(f"what the page says of its video has more than {_MOST_BYTES} bytes")
        message: list[Any] = unpack(self._read(process, length, meter, began_s))
        return message

    def _read(self, process: subprocess.Popen[bytes], length: int, meter: Meter, began_s: float) -> bytes:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while len(self._came) < length:
                if selector.select(SLICE_S):
                    piece = os.read(process.stdout.fileno(), 1 << 20)
                    if not piece:
                        raise EOFError
                    self._came += piece
                    continue
                meter.deadline.check()
                if _busy_s(process) - began_s > MOST_BUSY_S:
                    raise Refused(
                        f"to read the page takes more than {MOST_BUSY_S:g} s of processor time; it is "
                        "damaged, or made so"
                    )
        data, self._came = bytes(self._came[:length]), self._came[length:]
        return data


def _busy_s(process: subprocess.Popen[bytes]) -> float:
    """Return the seconds of processor time of a child until now."""
    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _error(kind: str, text: str, detail: float | None) -> Exception:
    """Return an error of the child."""
    if kind == "OSError":
        return OSError(int(detail or 0), text)
    if kind == Unavailable.__name__:
        return Unavailable(text, wait_s=detail)
    return _KINDS[kind](text)
