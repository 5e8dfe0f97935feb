"""Runs a function in a child process that may be killed: a decoder that hangs or crashes costs one row.

The child is a plain `subprocess` with two pipes (not `multiprocessing`), so that it also works inside
daemonic workers. A message is eight bytes of length and that many bytes of data (`leitmotif.media.messages`);
what the child may do is little (`leitmotif.media.rights`).
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from leitmotif.media.child_process import start_child
from leitmotif.media.errors import DecoderCrashed, TimeLimitExceeded, TooLarge
from leitmotif.media.messages import HEADER, conform, conform_error, pack, unpack, write_message
from leitmotif.media.rights import MEMORY_BYTES
from leitmotif.media.turns import alone, beside_others, free_memory_bytes

Result = TypeVar("Result")

_START_LIMIT_S = 120.0  # a new interpreter and its imports, on a busy machine
_MOST_BYTES = 1 << 28  # of an answer; the pictures of a clip are a few megabytes
_LIBRARIES_BYTES = 1 << 30  # of addresses that a child's libraries take
# A decoder works with one thread, and the buffers of more count as its memory.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}


class SandboxedWorker:
    """A child process that runs one function at a time under a time limit; a context manager.

    The child starts with the first call, serves all later ones, and is replaced after it was killed. It ends
    when this object closes, and also when the parent dies. A call whose child was lost is made once more,
    while no other decoder of the machine works: what the machine took, memory above all, is no fault of the
    file.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        """Start nothing yet.

        Args:
            memory_bytes: The memory that the child may have.
        """
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._writable: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> SandboxedWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        function: Callable[..., Result],
        *args: Any,
        limit_s: float,
        writes: Path | None = None,
        **kwargs: Any,
    ) -> Result:
        """Return what `function(*args, **kwargs)` returns, run in the child.

        Args:
            function: Defined at the top of an importable module. Arguments and result are data: numbers,
                texts, bytes, paths, arrays, lists and mappings. A result that is more, such as a dataclass or
                a tuple, is what the annotation of the function says.
            *args: Arguments of the function.
            limit_s: Wall-clock seconds the function itself may take; starting the child does not count.
            writes: The folder in which the function makes a file; elsewhere it cannot.
            **kwargs: Keyword arguments of the function.

        Raises:
            TimeLimitExceeded: If it takes longer; the child is killed.
            TooLarge: If it needs more memory than a decoder may have.
            DecoderCrashed: If the child dies twice, though the machine has memory; it names the signal.
            MemoryError: If the machine has none.
            ValueError: If the function cannot be imported by name.
            MediaError, OSError: What the function raises; of all else, its text as `DecodeFailed`.
        """
        module, name = _importable_name(function)
        request = pack([module, name, args, kwargs])
        what = f"{module}.{name}"
        with self._lock:
            if writes is not None and (folder := os.path.realpath(writes)) not in self._writable:
                self._kill()  # rights that were given up do not come back
                self._writable.add(folder)
            try:
                with beside_others():
                    return self._call(function, request, what, limit_s)
            except PermissionError:
                if writes is None:
                    raise
                # The right was to a folder, not to its name: what is called so now may have been made since.
                self._kill()
                with beside_others():
                    return self._call(function, request, what, limit_s)
            except (DecoderCrashed, MemoryError):
                self._kill()
            with alone():
                try:
                    return self._call(function, request, what, limit_s)
                except (DecoderCrashed, MemoryError) as error:
                    self._kill()
                    if _is_short_of_memory(error, self._memory_bytes):
                        names = [repr(arg.name) for arg in args if isinstance(arg, Path)][:1]
                        raise MemoryError(f"too little is left for {' of '.join([what, *names])}") from error
                    if isinstance(error, MemoryError):
                        raise TooLarge(
                            f"needs more than {self._memory_bytes / (1 << 30):.3g} GB of memory to be "
                            "decoded, which no usual file does; it may be damaged: export it again, with "
                            "smaller pictures"
                        ) from error
                    raise

    def _call(self, function: Callable[..., Result], request: bytes, what: str, limit_s: float) -> Result:
        process = self._started()
        try:
            write_message(process.stdin, request)
            self._receive(process, time.monotonic() + _START_LIMIT_S, f"starting {what}", _START_LIMIT_S)
            answer = self._receive(process, time.monotonic() + limit_s, what, limit_s)
            succeeded, value = unpack(answer)
            result: Any = conform(value, function) if succeeded else conform_error(value)
        except (BrokenPipeError, EOFError) as error:
            raise DecoderCrashed(_describe_death(self._reap(), what)) from error
        except (ValueError, TypeError) as error:
            self._kill()
            raise DecoderCrashed(
                f"the decoding process gave no valid answer in {what}: the file breaks the decoder; leave the"
                " file out, or convert it with ffmpeg"
            ) from error
        except BaseException:
            self._kill()  # an interrupted call leaves an answer behind that the next call must not read
            raise
        if not succeeded:
            raise result
        returned: Result = result
        return returned

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._kill()
        if self._process is None:
            self._process = start_child(
                "leitmotif.media.sandbox_child",
                str(self._memory_bytes),
                *sorted(self._writable),
                env=_ONE_THREAD,
            )
        return self._process

    def _receive(
        self, process: subprocess.Popen[bytes], deadline_s: float, what: str, limit_s: float
    ) -> bytes:
        assert process.stdout is not None
        try:
            (length,) = HEADER.unpack(_read_until(process.stdout.fileno(), HEADER.size, deadline_s))
            if length > _MOST_BYTES:
                raise ValueError(f"an answer of {length} bytes")
            return _read_until(process.stdout.fileno(), length, deadline_s)
        except TimeoutError:
            self._kill()
            raise TimeLimitExceeded(
                f"{what} ran longer than {limit_s:g} s and was stopped; leave the file out or raise the limit"
            ) from None

    def _reap(self) -> int | None:
        """Return the exit status of a child whose pipes closed."""
        process = self._process
        if process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        status = process.returncode
        self._kill()
        return status

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _is_short_of_memory(error: DecoderCrashed | MemoryError, needed_bytes: int) -> bool:
    """Tell whether the machine, rather than the file, is why a child was lost."""
    if isinstance(error, DecoderCrashed):  # the kernel ends processes by SIGKILL where memory is used up
        return "SIGKILL" in str(error) and free_memory_bytes() < needed_bytes
    # Linux refuses memory by limits alone: a child's own bound, unless one that this process has is lower.
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    return addresses != resource.RLIM_INFINITY and addresses < needed_bytes + _LIBRARIES_BYTES


def _importable_name(function: Callable[..., Any]) -> tuple[str, str]:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name or module == "__main__" or "<" in name:
        raise ValueError(
            f"{function!r} cannot be imported by name; give one defined at the top of an importable module"
        )
    return module, name


def _describe_death(status: int | None, what: str) -> str:
    advice = "leave the file out, or convert it with ffmpeg"
    if status is not None and status < 0:
        name = signal.Signals(-status).name if -status in list(signal.Signals) else f"signal {-status}"
        hint = "most often out of memory" if name == "SIGKILL" else "the file breaks the decoder"
        return f"the decoding process died of {name} in {what}: {hint}; {advice}"
    return f"the decoding process ended with status {status} in {what}; {advice}"


def _read_until(descriptor: int, length: int, deadline_s: float) -> bytes:
    """Read exactly `length` bytes of a pipe; TimeoutError at the deadline, EOFError at the end."""
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while len(data) < length:
            if not selector.select(max(deadline_s - time.monotonic(), 0.0)):
                raise TimeoutError
            piece = os.read(descriptor, min(length - len(data), 1 << 20))
            if not piece:
                raise EOFError("the pipe closed")
            data += piece
    return bytes(data)
