"""The most memory that a process held.

`getrusage` does not tell it of a process that another one started: Linux carries `ru_maxrss` over `fork` and
`exec` (`exec_mmap` of fs/exec.c), so a child of a process with 2 GB reports 2 GB before it does anything.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

import psutil


def peak_bytes(pid: int | str = "self") -> int:
    """Return the most resident memory that a process has held since it began its program, in bytes (Linux).

    Raises:
        OSError: There is no such process.
        ValueError: It has ended, and has no memory any more.
    """
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^VmHWM:\s*(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"process {pid} has ended; its memory can be asked while it runs")
    return int(found[1]) * 1024


class ChildrenWatch:
    """Looks at the processes below this one every 50 ms; `peak_bytes` is the peak of the largest."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ChildrenWatch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                try:
                    # Between fork and exec a child is a copy of this process, its memory included.
                    if child.cmdline() == psutil.Process().cmdline():
                        continue
                    self.peak_bytes = max(self.peak_bytes, peak_bytes(child.pid))
                except (OSError, ValueError, psutil.Error):
                    continue  # it has just ended
