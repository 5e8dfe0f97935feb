"""What bounds a run as a whole, and each file of it."""

from __future__ import annotations

import threading
import time

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import Refused, RunStopped
from leitmotif.collection.settings import Settings
from leitmotif.phrases import count


class Budget:
    """Files, bytes and time of a run, and the user's wish to end it; used by all threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._began_s = time.monotonic()
        self._interrupted = threading.Event()
        self.files = 0
        self.bytes = 0

    def interrupt(self) -> None:
        """End the run soon."""
        self._interrupted.set()

    def check(self) -> None:
        """Let pass what may go on.

        Raises:
            RunStopped: The run is over.
        """
        if reason := self.spent():
            raise RunStopped(reason)

    def wait(self, seconds: float) -> None:
        """Sleep, unless the run ends.

        Raises:
            RunStopped: It does.
        """
        if self._interrupted.wait(seconds):
            raise RunStopped("interrupted")

    def count_file(self) -> None:
        """Note a fetched file."""
        with self._lock:
            self.files += 1

    def count_bytes(self, amount: int) -> None:
        """Note bytes that came."""
        with self._lock:
            self.bytes += amount

    def spent(self) -> str | None:
        """Return why the run ends here, or None if it goes on."""
        bounds = self._settings
        if self._interrupted.is_set():
            return "interrupted"
        if bounds.max_files is not None and self.files >= bounds.max_files:
            return f"{count(self.files, 'file was', 'files were')} fetched (--max-files)"
        if bounds.max_bytes is not None and self.bytes >= bounds.max_bytes:
            return f"{self.bytes} bytes were fetched (--max-bytes)"
        if bounds.max_seconds is not None and time.monotonic() - self._began_s >= bounds.max_seconds:
            return f"the run took {bounds.max_seconds / 3600:g} hours (--max-hours)"
        return None

    def room(self, active: int) -> bool:
        """Tell whether another file may be begun beside those that are being fetched."""
        most = self._settings.max_files
        return most is None or self.files + active < most


class Meter:
    """Counts the bytes of one item as they come, and ends it where a bound is reached.

    Attributes:
        bytes: What came of the file at hand.
        deadline: When all of the item must have come.
    """

    def __init__(self, budget: Budget, settings: Settings) -> None:
        self._budget = budget
        self._most_bytes = settings.max_file_bytes
        said = f"it took longer than {settings.max_item_s:g} s; what came is kept"
        self.deadline = Deadline(settings.max_item_s, said=said, check=budget.check)
        self.bytes = 0

    def count(self, amount: int) -> None:
        """Note bytes that came.

        Raises:
            Refused: The item is too large.
            Unavailable: It takes too long.
            RunStopped: The run is over.
        """
        self.bytes += amount
        self._budget.count_bytes(amount)
        if self.bytes > self._most_bytes:
            raise Refused(f"more than {self._most_bytes} bytes came; the limit is --max-file-size")
        self.deadline.check()
