"""The child of a `SandboxedWorker`: calls functions by name, and answers."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

from leitmotif.media import rights
from leitmotif.media.messages import HEADER, pack, unpack, write_message

_GIVEN_UP: list[str] = []


def given_up() -> list[str]:
    """Return what this child gave up, in words; nothing in any other process."""
    return list(_GIVEN_UP)


def serve(memory_bytes: str, *writable: str) -> None:
    """Answer requests on standard input until it closes; prints go to standard error."""
    tempfile.gettempdir()  # libraries ask at their import, and where there is none to write to that fails
    _GIVEN_UP.extend(rights.give_up(int(memory_bytes), [Path(folder) for folder in writable]))
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
            header = requests.read(HEADER.size)
            payload = requests.read(HEADER.unpack(header)[0]) if len(header) == HEADER.size else b""
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
        module, name, args, kwargs = unpack(payload)
        function: Any = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
    except Exception as error:
        write_message(answers, b"started")
        write_message(answers, _pack_error(error))
        return
    write_message(answers, b"started")
    try:
        answer = pack([True, function(*args, **kwargs)])
    except Exception as error:
        answer = _pack_error(error)
    write_message(answers, answer)


def _pack_error(error: Exception) -> bytes:
    error.add_note("in the decoding process:\n" + "".join(traceback.format_exception(error)).rstrip())
    return pack([False, error])
