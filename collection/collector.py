"""A collecting run: everything wanted minus what the record has, fetched within bounds."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from leitmotif.collection.archive import FAILED, FETCHED, REFUSED, Archive
from leitmotif.collection.errors import (
    CollectError,
    Gone,
    HostStopped,
    Refused,
    RunStopped,
    TakenDown,
    Unavailable,
)
from leitmotif.collection.fetch.budget import Budget
from leitmotif.collection.fetch.fetcher import Fetcher
from leitmotif.collection.fetch.host_queue import HostQueue
from leitmotif.collection.fetch.inspect import ProbePool
from leitmotif.collection.request import Request, Source
from leitmotif.collection.settings import Settings
from leitmotif.shards.addresses import without_secrets
from leitmotif.storage.errors import is_machine_fault
from leitmotif.storage.progress import OnProgress, show_nothing

logger = logging.getLogger("leitmotif.collection")

PROBES = 2


@dataclass
class CollectSummary:
    """What became of everything wanted.

    Attributes:
        wanted: Items of all sources; a playlist counts by its entries.
        fetched: Files of this run.
        already: Files of former runs.
        refused: Items that a rule forbids, whenever that was found.
        failed: Items that could not be had, whenever that was found.
        left: Items for a later run.
        bytes: Bytes that came in this run.
        seconds: Seconds that the run took.
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
    archive: Archive,
    settings: Settings,
    *,
    on_progress: OnProgress = show_nothing,
) -> CollectSummary:
    """Fetch what sources want and the archive does not have.

    Args:
        sources: What is wanted.
        archive: Where files and record lie.
        settings: Bounds and manners.
        on_progress: Called with the items done and the items that are wanted so far.

    Returns:
        The counts; every wanted item is in exactly one.

    Raises:
        UserError: A source or the folder is of no use.
        OSError: The disk failed; what was fetched is kept.
    """
    probes = ProbePool(min(PROBES, settings.jobs))
    with archive.held(), probes.open():
        summary = _Run(archive, settings, probes, on_progress).run(sources)
        if not (summary.left or summary.failed):
            archive.sweep()
        return summary


class _Run:
    def __init__(
        self, archive: Archive, settings: Settings, probes: ProbePool, on_progress: OnProgress
    ) -> None:
        self._archive, self._settings, self._on_progress = archive, settings, on_progress
        self._budget = Budget(settings)
        self._fetcher = Fetcher(settings, archive, self._budget, probes)
        self._queue = HostQueue(
            per_host=settings.per_host,
            pause_s=settings.pause_s,
            room=self._budget.room,
            rng=random.Random(),
        )
        self._known = archive.known()
        self._seen: set[str] = set()
        # More windows of a source that is queued or being fetched; it is fetched once for all of them.
        self._windows: dict[str, list[Request]] = {}
        self._summary = CollectSummary()
        self._lock = threading.Lock()
        self._closed = False
        self._failure: BaseException | None = None

    def run(self, sources: Iterable[Source]) -> CollectSummary:
        began_s = time.monotonic()
        whole = False
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._settings.jobs)]
        for thread in threads:
            thread.start()
        try:
            for source in sources:
                for request in source.requests():
                    self._enter(request, block=True)
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
        summary = self._summary
        summary.left = self._queue.left + sum(len(others) for others in self._windows.values())
        summary.bytes = self._budget.bytes
        summary.stopped |= self._queue.stopped_hosts()
        summary.seconds = round(time.monotonic() - began_s, 2)
        return summary

    def _check(self) -> None:
        if self._queue.finished:
            return
        reason = self._budget.spent()
        if reason or self._failure:
            if reason:
                self._summary.stopped[""] = reason
            self._queue.finish()

    def _enter(self, request: Request, *, block: bool) -> None:
        """Count an item, and queue it unless the record settles it."""
        key = request.key
        with self._lock:
            if key in self._seen:
                return
            self._seen.add(key)
            self._summary.wanted += 1
            known = self._known.get(key)
            if known is not None and known.outcome != FETCHED and known.permanent:
                if not self._settings.retry_failed:
                    self._count(known.outcome)
                    return
            elif known is not None and known.outcome == FETCHED:
                self._summary.already += 1
                return
            if request.end_s is not None and not self._queue.finished:
                if (others := self._windows.get(request.source_key)) is not None:
                    others.append(request)
                    return
                self._windows[request.source_key] = []
        self._queue.put(request, block=block)

    def _count(self, outcome: str) -> None:
        setattr(self._summary, outcome, getattr(self._summary, outcome) + 1)

    def _work(self) -> None:
        while (request := self._queue.take(closed=lambda: self._closed)) is not None:
            try:
                failure = self._settle(request)
                if request.end_s is not None:
                    self._settle_windows(request, failure)
            except BaseException as error:  # the disk's, or a defect: the run ends with it
                self._failure = error
                self._queue.finish(active=1)
            finally:
                self._queue.done(request)
            self._check()

    def _settle_windows(self, first: Request, failure: CollectError | None) -> None:
        """Cut the other windows of a source out of what was fetched for the first, or blame them alike."""
        while True:
            with self._lock:
                others = self._windows.get(first.source_key)
                if not others:
                    self._windows.pop(first.source_key, None)
                    break
                request = others.pop(0)
            self._check()
            if failure is not None and not self._fetcher.holds(first):
                self._blame(request, failure)
            elif self._queue.goes_on(request):
                self._settle(request)
            else:
                self._queue.put(request, block=False)
        self._fetcher.release(first)

    def _settle(self, request: Request) -> CollectError | None:
        """Fetch an item and note what became of it; return what speaks against it, if anything does."""
        try:
            done = self._fetcher.fetch(request, hold=lambda seconds: self._queue.hold(request, seconds))
        except RunStopped as stop:
            self._summary.stopped.setdefault("", str(stop))
            self._queue.finish(active=1)
        except HostStopped as stop:
            self._queue.stop_host(request, str(stop))
        except (Refused, Gone, Unavailable) as error:
            self._blame(request, error)
            return error
        except Exception as error:
            if is_machine_fault(error, writing=True):
                raise
            # One odd page must not end a run of thousands.
            message = without_secrets(f"{type(error).__name__}: {error}")
            self._archive.note(request, FAILED, message=message[:500])
            self._finish(FAILED)
            logger.warning("failed: %s: %s", request.name[:200], message[:500])
        else:
            if done.entries:
                with self._lock:
                    self._summary.wanted -= 1
                for entry in done.entries:
                    self._enter(entry, block=False)
                return None
            self._archive.note(request, FETCHED, attempts=done.attempts, facts=done.facts)
            self._budget.count_file()
            self._finish(FETCHED)
        return None

    def _blame(self, request: Request, error: CollectError) -> None:
        outcome = REFUSED if isinstance(error, Refused) else FAILED
        attempts = self._settings.attempts if isinstance(error, Unavailable) else 1
        permanent = not isinstance(error, Unavailable)
        if not isinstance(error, TakenDown):
            self._archive.note(request, outcome, permanent=permanent, attempts=attempts, message=str(error))
        self._finish(outcome)
        logger.info("%s: %s: %s", outcome, request.name[:200], error)

    def _finish(self, outcome: str) -> None:
        with self._lock:
            self._count(outcome)
            summary = self._summary
            done = summary.fetched + summary.already + summary.refused + summary.failed
        self._on_progress("collect", done, summary.wanted)
