"""Look into a file that came, before it counts: what it is, whether it may stay, how it should be named."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leitmotif.collection.errors import Refused
from leitmotif.collection.fetch.audio_headers import read_header
from leitmotif.collection.settings import Settings
from leitmotif.media.errors import DecodeFailed, MediaError
from leitmotif.media.probe import Probe, probe
from leitmotif.media.sandbox import SandboxedWorker

PROBE_LIMIT_S = 60.0
# Files that wait while a process is busy go to it in one call.
BATCH = 16
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


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        suffix: How it should be named.
        duration_s: Length, seconds.
        has_video: Whether there is a moving picture.
    """

    suffix: str
    duration_s: float
    has_video: bool


Asked = tuple[Path, "Future[Probe]"]


class ProbePool:
    """Opens media: plain headers of sound files here, all others in child processes.

    A file that breaks a demuxer breaks nothing else. The children start with the first file that needs one.
    """

    def __init__(self, number: int) -> None:
        self._asked: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._idle: list[SandboxedWorker] = []  # of `run`, which each thread calls for itself
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(number)]

    @contextmanager
    def open(self) -> Iterator[ProbePool]:
        """End the processes at the end."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            for _ in self._threads:
                self._asked.put(None)
            for thread in self._threads:
                thread.join()
            for worker in self._idle:
                worker.close()

    def inspect(self, path: Path, settings: Settings, *, head: bytes = b"", size_bytes: int = 0) -> Content:
        """Return what a file says about itself.

        Args:
            path: The file.
            settings: Settings of the run, whose longest duration holds.
            head: First bytes of the file, where they are at hand; of a plain sound file they are enough.
            size_bytes: Size of the whole file, where `head` is given.

        Raises:
            Refused: It is no media file, of a kind that is not kept, or too long.
        """
        plain = read_header(head, size_bytes)
        content = self._probed(path) if plain is None else Content(*plain, has_video=False)
        if content.duration_s > settings.max_duration_s:
            raise Refused(
                f"the file is {content.duration_s:.0f} s long; the limit is {settings.max_duration_s:g} s "
                "(--max-duration)"
            )
        return content

    def _probed(self, path: Path) -> Content:
        answer: Future[Probe] = Future()
        self._asked.put((path, answer))
        try:
            found = answer.result()
        except MediaError as error:
            raise _refusal(error, path) from error
        return Content(_suffix_of(found), found.duration_s, found.has_video)

    def run(self, function: Callable[..., None], *paths: Path, limit_s: float, **options: Any) -> None:
        """Run in a child process what makes a file of others.

        Args:
            function: What is run, as `SandboxedWorker.run` takes it.
            paths: Paths for the function, that of the file that it makes last.
            limit_s: How long it may take.
            options: Other arguments of the function.

        Raises:
            Refused: It cannot make the file; what there is of it is gone.
        """
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = SandboxedWorker()
        try:
            worker.run(function, *paths, limit_s=limit_s, writes=paths[-1].parent, **options)
        except MediaError as error:
            paths[-1].unlink(missing_ok=True)
            raise _refusal(error, *paths) from error
        finally:
            self._idle.append(worker)

    def _serve(self) -> None:
        with SandboxedWorker() as worker:
            while (batch := self._batch()) is not None:
                try:
                    answers = worker.run(probe_all, [path for path, _ in batch], limit_s=PROBE_LIMIT_S)
                except MediaError as error:
                    # Which of them hung or broke the process is found out one by one.
                    answers = [_probe_alone(worker, path) for path, _ in batch] if len(batch) > 1 else [error]
                except Exception as error:
                    answers = [error] * len(batch)
                if len(answers) != len(batch):  # of a child that a file took over; nobody may wait for ever
                    answers = [DecodeFailed("the decoding process gave no valid answer")] * len(batch)
                for (_, waiting), answer in zip(batch, answers, strict=True):
                    if isinstance(answer, Exception):
                        waiting.set_exception(answer)
                    else:
                        waiting.set_result(answer)

    def _batch(self) -> list[Asked] | None:
        """Wait for files to look into; None at the end."""
        first = self._asked.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < BATCH:
            try:
                following = self._asked.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._asked.put(None)
                break
            batch.append(following)
        return batch


def probe_all(paths: Sequence[Path]) -> list[Probe | Exception]:
    """Return what each file says about itself, or why it says nothing."""
    answers: list[Probe | Exception] = []
    for path in paths:
        try:
            answers.append(probe(path))
        except MediaError as error:
            answers.append(error)
    return answers


def _probe_alone(worker: SandboxedWorker, path: Path) -> Probe | Exception:
    try:
        return worker.run(probe, path, limit_s=PROBE_LIMIT_S)
    except Exception as error:
        return error


def _refusal(error: MediaError, *paths: Path) -> Refused:
    """Refuse with an error's text, without the names that its files have here and no user knows."""
    text = str(error)
    for path in paths:
        text = text.replace(repr(path.name), "what came")
    return Refused(text)


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
