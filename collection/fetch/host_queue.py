"""The order of a run: by host, never more at once than a host bears, never sooner than its pause."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import urlsplit

from leitmotif.collection.request import Request

# Items that wait at a time; sources with millions of rows are read as they are fetched.
CAPACITY = 1000
SEARCH_HOST = "youtube.com"
# Hosts that are looked at for being over, whenever an item is taken: those that were longest not asked.
_LOOKED_AT = 8


def host_of(request: Request) -> str:
    """Return the host that an item is fetched from first."""
    try:
        host = urlsplit(request.url).hostname if request.url else SEARCH_HOST
    except ValueError:
        host = None
    return str(host or "").removeprefix("www.").removeprefix("m.")


@dataclass
class _Host:
    waiting: deque[Request] = field(default_factory=deque)
    active: int = 0
    due_s: float = 0.0
    stopped: str | None = None

    def is_over(self, now: float) -> bool:
        """Tell whether nothing more is to be known of a host until another item of it comes."""
        return not (self.waiting or self.active or self.stopped or self.due_s > now)


class HostQueue:
    """Items that wait, by host; used by all threads."""

    def __init__(
        self, *, per_host: int, pause_s: float, room: Callable[[int], bool], rng: random.Random
    ) -> None:
        """Make an empty queue.

        Args:
            per_host: Items of a host that are taken at a time.
            pause_s: Mean pause between two of a host.
            room: Called with how many items are being fetched; says whether another may begin.
            rng: Draws the pauses.
        """
        self._per_host, self._pause_s, self._room, self._rng = per_host, pause_s, room, rng
        self._hosts: dict[str, _Host] = {}
        lock = threading.RLock()
        self._changed, self._room_made = threading.Condition(lock), threading.Condition(lock)
        self._waiting = self._active = self._idle = 0
        self._finished = False
        self.left = 0

    def put(self, request: Request, *, block: bool = True) -> None:
        """Add an item; wait for room where `block`, which a thread that takes items must not."""
        with self._changed:
            if block and self._waiting >= CAPACITY:
                # Woken once for many items rather than for each.
                while self._waiting > CAPACITY // 2 and not self._finished:
                    self._room_made.wait(1.0)
            host = self._hosts.setdefault(host_of(request), _Host())
            if self._finished or host.stopped:
                self.left += 1
                return
            host.waiting.append(request)
            self._waiting += 1
            self._wake()

    def take(self, *, closed: Callable[[], bool]) -> Request | None:
        """Wait for an item whose host may be asked; None when nothing is left or the run ends.

        Args:
            closed: Whether no more items come from the sources.
        """
        with self._changed:
            while not self._finished:
                wait_s = 1.0
                if self._room(self._active):
                    now = time.monotonic()
                    # (Lists name hundreds of thousands of hosts; each would be looked at every time.)
                    for name in list(islice(self._hosts, _LOOKED_AT)):
                        if self._hosts[name].is_over(now):
                            del self._hosts[name]
                    for name, host in self._hosts.items():
                        if not host.waiting or host.active >= self._per_host:
                            continue
                        if host.due_s > now:
                            wait_s = min(wait_s, host.due_s - now)
                            continue
                        return self._begin(name, host, now)
                if not self._waiting and not self._active and closed():
                    return None
                self._idle += 1
                try:
                    self._changed.wait(wait_s)
                finally:
                    self._idle -= 1
        return None

    def _begin(self, name: str, host: _Host, now: float) -> Request:
        host.active += 1
        host.due_s = now + self._pause_s * self._rng.uniform(0.5, 1.5)
        self._active += 1
        self._waiting -= 1
        self._hosts[name] = self._hosts.pop(name)  # to the back: every host has its turn
        if self._waiting == CAPACITY // 2:
            self._room_made.notify_all()
        return host.waiting.popleft()

    def done(self, request: Request) -> None:
        """Note that an item is no longer being fetched."""
        with self._changed:
            self._hosts[host_of(request)].active -= 1
            self._active -= 1
            self._wake()

    def goes_on(self, request: Request) -> bool:
        """Tell whether the thread that has just fetched an item of a source may take another of it."""
        with self._changed:
            stopped = self._finished or self._hosts[host_of(request)].stopped
            return not stopped and self._room(self._active - 1)

    def hold(self, request: Request, seconds: float) -> None:
        """Begin nothing more of an item's host for a while."""
        with self._changed:
            host = self._hosts[host_of(request)]
            host.due_s = max(host.due_s, time.monotonic() + seconds)

    def stop_host(self, request: Request, reason: str) -> None:
        """Leave everything of an item's host for a later run, the item too."""
        with self._changed:
            host = self._hosts[host_of(request)]
            host.stopped = host.stopped or reason
            self.left += 1 + len(host.waiting)
            self._waiting -= len(host.waiting)
            host.waiting.clear()
            self._wake()

    def finish(self, *, active: int = 0) -> None:
        """Leave everything for a later run; `active` more items are left that were being fetched."""
        with self._changed:
            self._finished = True
            self.left += active + self._waiting
            for host in self._hosts.values():
                host.waiting.clear()
            self._waiting = 0
            self._wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._wake()

    def _wake(self) -> None:
        if self._idle:
            self._changed.notify_all()
        if self._waiting < CAPACITY // 2:
            self._room_made.notify_all()

    @property
    def finished(self) -> bool:
        """Whether the rest is left for a later run."""
        return self._finished

    def stopped_hosts(self) -> dict[str, str]:
        """Return the hosts that asked to be left alone, and how."""
        with self._changed:
            return {name: host.stopped for name, host in self._hosts.items() if host.stopped}
