"""The child of a `SiteProcess`: reads pages with yt-dlp, and tells what comes.

A request comes pickled, from the process that started this one; what goes back is data only.
"""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import CollectError, Unavailable
from leitmotif.collection.fetch.video_site import Playlist, Video, VideoSite
from leitmotif.media.messages import HEADER, pack, write_message
from leitmotif.shards.texts import encodable
from leitmotif.storage.errors import one_line

_PR_SET_PDEATHSIG = 1


class _Parent:
    """Whom everything is told; counts as the meter of `VideoSite`.

    Attributes:
        bytes: Of the file at hand; the parent counts.
        deadline: Of the request at hand.
    """

    def __init__(self, answers: Any, longest_s: float) -> None:
        self._answers, self._longest_s = answers, longest_s
        self.bytes = 0

    @property
    def deadline(self) -> Deadline:
        """The parent keeps to the time of the item; this one is for a parent that is gone."""
        return Deadline(self._longest_s)

    def count(self, amount: int) -> None:
        """Tell of bytes that came."""
        self.tell("bytes", amount)

    def tell(self, *message: object) -> None:
        """Send a message."""
        write_message(self._answers, pack(message))


class _ToParent(logging.Handler):
    def __init__(self, parent: _Parent) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line on."""
        self._parent.tell("log", record.levelno, record.getMessage()[:4000])


def serve() -> None:
    """Answer requests on standard input until it closes."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "linux":  # where an expression is busy, no thread sees that the parent is gone
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    settings, level = _read(requests)
    parent = _Parent(answers, settings.max_item_s)
    logging.basicConfig(handlers=[_ToParent(parent)], level=level)
    site = VideoSite(settings)
    video: Video | None = None
    while True:
        what, *args = _read(requests)
        try:
            if what == "fetch":
                number, part = args
                if video is None:
                    raise Unavailable("the process that reads pages began anew")
                site.fetch(video, video.formats[number], Path(part), parent)  # type: ignore[arg-type]
                parent.tell("done", None)
            elif what == "search":
                parent.tell("done", _data(site.search(args[0], parent)))  # type: ignore[arg-type]
            else:
                found = site.resolve(args[0], parent, entry=args[1])  # type: ignore[arg-type]
                if isinstance(found, Playlist):
                    parent.tell("done", ["playlist", list(found.entries)])
                else:
                    video = found
                    parent.tell("done", ["video", [_data(found.info), _data(list(found.formats))]])
        except CollectError as error:
            wait_s = error.wait_s if isinstance(error, Unavailable) else None
            parent.tell("error", type(error).__name__, str(error), wait_s)
        except OSError as error:
            parent.tell("error", "OSError", error.strerror or one_line(error), error.errno)
        except Exception as error:  # one odd page must not end a run of thousands
            parent.tell("error", "Unavailable", f"{type(error).__name__}: {one_line(error, 300)}", None)


def _read(requests: Any) -> Any:
    """Return the next request; the process ends where there are no more."""
    header = requests.read(HEADER.size)
    payload = requests.read(HEADER.unpack(header)[0]) if len(header) == HEADER.size else b""
    if not payload:
        os._exit(0)
    return pickle.loads(payload)


def _data(value: Any) -> Any:
    """Return what yt-dlp says, without what is no data."""
    return encodable(YoutubeDL.sanitize_info({"": value})[""])
