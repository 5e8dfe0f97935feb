"""A collecting run: everything wanted minus what the record has, fetched within bounds."""

from __future__ import annotations

import errno
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from leitmotif.collection.budget import Budget
from leitmotif.collection.container import Inspectors
from leitmotif.collection.fetcher import Fetcher
from leitmotif.collection.queue import HostQueue
from leitmotif.collection.refusals import (
    CollectError,
    Gone,
    HostStopped,
    Refused,
    RunStopped,
    TakenDown,
    Unavailable,
)
from leitmotif.collection.settings import Settings
from leitmotif.collection.shelf import FAILED, FETCHED, REFUSED, Shelf
from leitmotif.collection.wanted import Source, Wanted

log = logging.getLogger("leitmotif.collection")

# Told of (items done, items wanted so far).
Progress = Callable[[int, int], None]
INSPECTORS = 2
# A full or broken disk, too many open files: the run ends, no item is blamed.
_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EACCES}
)


@dataclass
class Tally:
    """What became of everything wanted.

    Attributes:
        wanted: Items of all sources; a playlist counts by its entries.
        fetched: Files of this run.
        already: Files of former runs.
        refused: Items that a rule forbids, whenever that was found.
        failed: Items that could not be had, whenever that was found.
        left: Items for a later run.
        bytes: That came in this run.
        seconds: That it took.
        stopped: Why the run ended early, by host; "" is the run as a whole.
    """

    wanted: int = 0
    fetched: int = 0
    already: int = 0
    refused: int = 0
    failed: int = 0
    left: int = 0
    bytes: int = 0
    seconds: float = 0.0
    stopped: dict[str, str] = field(default_factory=dict)


def collect(
    sources: Iterable[Source],
    shelf: Shelf,
    settings: Settings,
    *,
    progress: Progress = lambda done, wanted: None,
) -> Tally:
    """Fetch what sources want and the shelf does not have.

    Args:
        sources: What is wanted.
        shelf: Where files and record lie.
        settings: Bounds and manners.
        progress: Told how far the run is.

    Returns:
        The counts; every wanted item is in exactly one.

    Raises:
        SourceError: A source or the folder is of no use.
        OSError: The disk failed; what was fetched is kept.
    """
    inspectors = Inspectors(min(INSPECTORS, settings.jobs))
    with shelf.held(), inspectors.open():
        tally = _Run(shelf, settings, inspectors, progress).run(sources)
        if not (tally.left or tally.failed):
            shelf.sweep()
        return tally


class _Run:
    def __init__(self, shelf: Shelf, settings: Settings, inspectors: Inspectors, progress: Progress) -> None:
        self._shelf, self._settings, self._progress = shelf, settings, progress
        self._budget = Budget(settings)
        self._fetcher = Fetcher(settings, shelf, self._budget, inspectors)
        self._queue = HostQueue(
            per_host=settings.per_host,
            pause_s=settings.pause_s,
            room=self._budget.room,
            rng=random.Random(),
        )
        self._known = shelf.known()
        self._seen: set[str] = set()
        # More windows of a source that is queued or being fetched; it is fetched once for all of them.
        self._windows: dict[str, list[Wanted]] = {}
        self._tally = Tally()
        self._lock = threading.Lock()
        self._closed = False
        self._failure: BaseException | None = None

    def run(self, sources: Iterable[Source]) -> Tally:
        began_s = time.monotonic()
        whole = False
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._settings.jobs)]
        for thread in threads:
            thread.start()
        try:
            for source in sources:
                for wanted in source.wanted():
                    self._enter(wanted, block=True)
                    self._check()
            self._closed = True
            self._queue.wake()
            while any(thread.is_alive() for thread in threads):
                time.sleep(0.02)
                self._check()
            whole = True
        finally:
            if not whole:
                self._budget.interrupt()
                self._queue.finish()
            for thread in threads:
                thread.join()
            self._fetcher.close()
        if self._failure:
            raise self._failure
        tally = self._tally
        tally.left = self._queue.left + sum(len(others) for others in self._windows.values())
        tally.bytes = self._budget.bytes
        tally.stopped |= self._queue.stopped_hosts()
        tally.seconds = round(time.monotonic() - began_s, 2)
        return tally

    def _check(self) -> None:
        if self._queue.finished:
            return
        reason = self._budget.spent()
        if reason or self._failure:
            if reason:
                self._tally.stopped[""] = reason
            self._queue.finish()

    def _enter(self, wanted: Wanted, *, block: bool) -> None:
        """Count an item, and queue it unless the record settles it."""
        key = wanted.key
        with self._lock:
            if key in self._seen:
                return
            self._seen.add(key)
            self._tally.wanted += 1
            known = self._known.get(key)
            if known is not None and known.outcome != FETCHED and known.permanent:
                if not self._settings.retry_failed:
                    self._count(known.outcome)
                    return
            elif known is not None and known.outcome == FETCHED and not self._is_taken_down(wanted):
                self._tally.already += 1
                return
            if wanted.end_s is not None and not self._queue.finished:
                if (others := self._windows.get(wanted.source_key)) is not None:
                    others.append(wanted)
                    return
                self._windows[wanted.source_key] = []
        self._queue.put(wanted, block=block)

    def _is_taken_down(self, wanted: Wanted) -> bool:
        try:
            self._shelf.refuse_taken_down(wanted)
        except Refused:
            return True  # fetching it will say so
        return False

    def _count(self, outcome: str) -> None:
        setattr(self._tally, outcome, getattr(self._tally, outcome) + 1)

    def _work(self) -> None:
        while (wanted := self._queue.take(closed=lambda: self._closed)) is not None:
            try:
                failure = self._settle(wanted)
                if wanted.end_s is not None:
                    self._settle_windows(wanted, failure)
            except BaseException as error:  # the disk's, or a defect: the run ends with it
                self._failure = error
                self._queue.finish(active=1)
            finally:
                self._queue.done(wanted)
            self._check()

    def _settle_windows(self, first: Wanted, failure: CollectError | None) -> None:
        """Cut the other windows of a source out of what was fetched for the first, or blame them alike."""
        while True:
            with self._lock:
                others = self._windows.get(first.source_key)
                if not others:
                    self._windows.pop(first.source_key, None)
                    break
                wanted = others.pop(0)
            self._check()
            if failure is not None and not self._fetcher.holds(first):
                self._blame(wanted, failure)
            elif self._queue.goes_on(wanted):
                self._settle(wanted)
            else:
                self._queue.put(wanted, block=False)
        self._fetcher.release(first)

    def _settle(self, wanted: Wanted) -> CollectError | None:
        """Fetch an item and note what became of it; return what speaks against it, if anything does."""
        try:
            done = self._fetcher.fetch(wanted, hold=lambda seconds: self._queue.hold(wanted, seconds))
        except RunStopped as stop:
            self._tally.stopped.setdefault("", str(stop))
            self._queue.finish(active=1)
        except HostStopped as stop:
            self._queue.stop_host(wanted, str(stop))
        except (Refused, Gone, Unavailable) as error:
            self._blame(wanted, error)
            return error
        except Exception as error:
            if isinstance(error, MemoryError) or getattr(error, "errno", None) in _OF_THE_MACHINE:
                raise
            # One odd page must not end a run of thousands.
            message = f"{type(error).__name__}: {error}"
            self._shelf.note(wanted, FAILED, message=message[:500])
            self._finish(FAILED)
            log.warning("failed: %s: %s", wanted.name[:200], message[:500])
        else:
            if done.entries:
                with self._lock:
                    self._tally.wanted -= 1
                for entry in done.entries:
                    self._enter(entry, block=False)
                return None
            self._shelf.note(wanted, FETCHED, attempts=done.attempts, facts=done.facts)
            self._budget.count_file()
            self._finish(FETCHED)
        return None

    def _blame(self, wanted: Wanted, error: CollectError) -> None:
        outcome = REFUSED if isinstance(error, Refused) else FAILED
        attempts = self._settings.attempts if isinstance(error, Unavailable) else 1
        permanent = not isinstance(error, Unavailable)
        if not isinstance(error, TakenDown):
            self._shelf.note(wanted, outcome, permanent=permanent, attempts=attempts, message=str(error))
        self._finish(outcome)
        log.info("%s: %s: %s", outcome, wanted.name[:200], error)

    def _finish(self, outcome: str) -> None:
        with self._lock:
            self._count(outcome)
            tally = self._tally
            done = tally.fetched + tally.already + tally.refused + tally.failed
        self._progress(done, tally.wanted)
