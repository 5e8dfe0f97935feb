"""Runs a function in a child process that may be killed: a decoder that hangs or crashes costs one row.

The child is a plain `subprocess` with two pipes (not `multiprocessing`), so that it also works inside
daemonic workers. A message is eight bytes of length and that many bytes of pickle.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pickle
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from leitmotif.media.errors import DecoderCrashed, MediaError, TimeLimitExceeded

Result = TypeVar("Result")

_HEADER = struct.Struct(">Q")
_START_LIMIT_S = 120.0  # a new interpreter and its imports, on a busy machine
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from leitmotif.media.sandbox import serve; serve()"
)


class SandboxedWorker:
    """A child process that runs one function at a time under a time limit; a context manager.

    The child starts with the first call, serves all later ones, and is replaced after it was killed. It ends
    when this object closes, and also when the parent dies.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> SandboxedWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, function: Callable[..., Result], *args: Any, limit_s: float, **kwargs: Any) -> Result:
        """Return what `function(*args, **kwargs)` returns, run in the child.

        Args:
            function: Defined at the top of an importable module; its arguments and result must pickle.
            *args: Arguments of the function.
            limit_s: Wall-clock seconds the function itself may take; starting the child does not count.
            **kwargs: Keyword arguments of the function.

        Raises:
            TimeLimitExceeded: If it takes longer; the child is killed.
            DecoderCrashed: If the child dies; the message names the signal.
            ValueError: If the function cannot be imported by name.
            Exception: Whatever the function raises, as itself.
        """
        module, name = _importable_name(function)
        request = pickle.dumps((module, name, args, kwargs), protocol=pickle.HIGHEST_PROTOCOL)
        with self._lock:
            process = self._started()
            try:
                _write(process.stdin, request)
                self._receive(
                    process, time.monotonic() + _START_LIMIT_S, f"starting {module}.{name}", _START_LIMIT_S
                )
                answer = self._receive(process, time.monotonic() + limit_s, f"{module}.{name}", limit_s)
            except (BrokenPipeError, EOFError) as error:
                raise DecoderCrashed(_describe_death(self._reap(), f"{module}.{name}")) from error
            except BaseException:
                self._kill()  # an interrupted call leaves an answer behind that the next call must not read
                raise
        succeeded, value = pickle.loads(answer)
        if succeeded:
            return value
        raise value

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._kill()
        if self._process is None:
            paths = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 - '' is the cwd
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # an interrupt from the keyboard is the parent's to handle
            )
        return self._process

    def _receive(
        self, process: subprocess.Popen[bytes], deadline_s: float, what: str, limit_s: float
    ) -> bytes:
        assert process.stdout is not None
        try:
            (length,) = _HEADER.unpack(_read_until(process.stdout.fileno(), _HEADER.size, deadline_s))
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


def _write(pipe: Any, payload: bytes) -> None:
    pipe.write(_HEADER.pack(len(payload)))
    pipe.write(payload)
    pipe.flush()


def serve() -> None:
    """Answer requests on standard input until it closes: the child; prints go to standard error."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    # A thread reads, so that the end of the parent is seen while a function runs.
    waiting: list[bytes] = []
    arrived = threading.Semaphore(0)

    def listen() -> None:
        while True:
            header = requests.read(_HEADER.size)
            payload = requests.read(_HEADER.unpack(header)[0]) if len(header) == _HEADER.size else b""
            if not payload:
                os._exit(0)
            waiting.append(payload)
            arrived.release()

    threading.Thread(target=listen, daemon=True).start()
    while True:
        arrived.acquire()
        _answer(waiting.pop(0), answers)


def _answer(payload: bytes, answers: Any) -> None:
    try:
        module, name, args, kwargs = pickle.loads(payload)
        function: Any = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
    except Exception as error:
        _write(answers, b"started")
        _write(answers, _pickle_error(error))
        return
    _write(answers, b"started")
    try:
        answer = pickle.dumps((True, function(*args, **kwargs)), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        answer = _pickle_error(error)
    _write(answers, answer)


def _pickle_error(error: Exception) -> bytes:
    """Return an exception as it was if it survives pickling, else as a MediaError with its text."""
    error.add_note("in the decoding process:\n" + "".join(traceback.format_exception(error)).rstrip())
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)  # exceptions with arguments of their own often fail only here
    except Exception:
        answer = pickle.dumps((False, MediaError(f"{type(error).__name__}: {error}")))
    return answer
