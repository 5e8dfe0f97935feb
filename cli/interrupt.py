"""Ctrl-C: the command ends within seconds with one line, whatever libraries would like to say or to wait for.

The keyboard's signal goes to every process of a terminal. Here it is blocked, in this process and thereby in
every one that libraries start, and a thread waits for it: it wakes the command by another signal, gives it a
moment to leave things in order, and ends it. A second Ctrl-C ends it at once. Nothing is lost by that: what
is written appears by rename, so that even a killed run goes on where it was.

SIGTERM, by which `timeout`, systemd, Slurm and containers end a command, does the same. It is not blocked,
since processes that libraries start are ended by it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from leitmotif.cli.exits import Exit

# How long a command may take to leave things in order.
GRACE_S = 3.0
_SHOW_CURSOR = "\x1b[?25h\n"


class Interrupts:
    """What Ctrl-C does to the command of this process.

    Attributes:
        line: Gives the line to end with; None where Ctrl-C is the way to end a command.
        came: Ctrl-C was pressed, or SIGTERM came.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.line: Callable[[], str] | None = lambda: "interrupted"
        self.came = False
        self._as_json = as_json
        self._listens = False
        self._code = Exit.INTERRUPTED
        self._process = os.getpid()
        self._out, self._err = 1, 2
        self._ending = threading.Lock()

    def listen(self) -> None:
        """Begin to wait for Ctrl-C; call it in the main thread, before there are others."""
        self._listens = True
        signal.signal(signal.SIGUSR2, signal.default_int_handler)
        signal.signal(signal.SIGINT, self._take)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        threading.Thread(target=self._wait, args=(threading.get_ident(),), daemon=True).start()

    def shield_children(self) -> None:
        """Keep Ctrl-C from processes that are going to be started by `multiprocessing`.

        That starts a process of its own before the first one, and lets signals through to this thread and its
        children then (`multiprocessing.resource_tracker`); so it does it now.
        """
        if not self._listens:
            return
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def stop_listening(self) -> None:
        """Let Ctrl-C end the process plainly: nothing is left to do but to exit."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def end(self) -> NoReturn:
        """Say the line and end this process, with those that it started."""
        self._ending.acquire()  # whoever comes second waits for the end
        said = self.line() if self.line else ""
        if said and os.environ.get("RANK", "0") == "0":  # the first of several processes speaks
            shown = f"leitmotif: error: {said}\n"
            os.write(self._err, ((_SHOW_CURSOR if os.isatty(self._err) else "") + shown).encode())
            if self._as_json:
                facts = {"error": said, "kind": "interrupted", "exit_code": int(self._code)}
                os.write(self._out, (json.dumps(facts) + "\n").encode())
        _kill_children()
        os._exit(self._code)

    def _wait(self, main_thread: int) -> None:
        signal.sigwait({signal.SIGINT})
        self._begin()
        signal.pthread_kill(main_thread, signal.SIGUSR2)
        signal.sigwait({signal.SIGINT})
        self.end()

    def _take(self, *_: object) -> None:
        """Take the signal in the main thread, where a library let it through."""
        if not self.came:
            self._begin()
            raise KeyboardInterrupt
        if not self._ending.locked():
            self.end()

    def _terminate(self, *_: object) -> None:
        """Take SIGTERM; in a process that was forked from this one it ends that, as it would have."""
        if os.getpid() != self._process:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        elif not self.came:
            self._code = Exit.TERMINATED
            self._begin()
            raise KeyboardInterrupt

    def _begin(self) -> None:
        self.came = True
        if self.line is None:
            return
        self._mute()
        timer = threading.Timer(GRACE_S, self.end)
        timer.daemon = True
        timer.start()

    def _mute(self) -> None:
        """Send what others write from now on nowhere."""
        with suppress(Exception):
            sys.stdout.flush()
        self._out, self._err = os.dup(1), os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)


def _kill_children() -> None:
    """Kill the processes that libraries started; workers with a session of their own end with their pipe.

    A worker that decodes must not die before its parent does, which would take that for the file's fault.
    """
    import psutil

    own = os.getsid(0)
    children = psutil.Process().children()
    for child in children:
        with suppress(OSError):
            if os.getsid(child.pid) == own:
                os.kill(child.pid, signal.SIGKILL)
