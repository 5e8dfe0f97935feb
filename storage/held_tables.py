"""Tables that were asked for last, kept in memory up to so many bytes."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class _Held:
    stamp: Hashable
    table: pa.Table
    size_bytes: int


class HeldTables:
    """Tables by what was asked for; those that were asked for longest ago go first.

    To take and to keep one costs the same however many are held.

    Attributes:
        most_bytes: How much is held at most.
    """

    def __init__(self, most_bytes: int) -> None:
        """Hold nothing yet.

        Args:
            most_bytes: How much is held at most.
        """
        self.most_bytes = most_bytes
        self._held: dict[Hashable, _Held] = {}
        self._size_bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many are held."""
        return len(self._held)

    def take(self, asked: Hashable, stamp: Hashable) -> pa.Table | None:
        """Return a table and hold it no longer; None where there is none, or one of another state.

        Args:
            asked: What is asked for.
            stamp: The state of what it is read from.
        """
        with self._lock:
            held = self._drop(asked)
        return held.table if held is not None and held.stamp == stamp else None

    def keep(self, asked: Hashable, stamp: Hashable, table: pa.Table) -> None:
        """Hold a table, in place of an older one and of those that there is no room for any more.

        Args:
            asked: What was asked for.
            stamp: The state of what it was read from.
            table: The table.
        """
        held = _Held(stamp, table, table.nbytes)
        with self._lock:
            self._drop(asked)
            self._held[asked] = held
            self._size_bytes += held.size_bytes
            while self._size_bytes > self.most_bytes:
                self._drop(next(iter(self._held)))

    def clear(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._held.clear()
            self._size_bytes = 0

    def _drop(self, asked: Hashable) -> _Held | None:
        held = self._held.pop(asked, None)
        if held is not None:
            self._size_bytes -= held.size_bytes
        return held
