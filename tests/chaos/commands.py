"""Whole commands with Prefect: killed, without a home or memory, in a plain locale, with a wrong clock."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.chaos.lab import Fault, Lab, clean, expect, one_line


def faults() -> Iterator[Fault]:
    """Yield them."""
    for seconds in (2.0, 5.0, 9.0, 14.0):
        yield Fault(
            "a whole command killed (SIGKILL)", f"after {seconds:g} s", _killed(seconds, signal.SIGKILL)
        )
    yield Fault("a whole command ended (SIGTERM, SIGINT)", "SIGTERM", _killed(9.0, signal.SIGTERM))
    yield Fault("a whole command ended (SIGTERM, SIGINT)", "SIGINT", _killed(9.0, signal.SIGINT))
    nowhere = {"HOME": "/proc/nowhere", "TMPDIR": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere"}
    yield Fault(
        "home, temporary folder and caches that cannot be written", "HOME, TMPDIR", _with_env(nowhere)
    )
    yield Fault(
        "home, temporary folder and caches that cannot be written",
        "PREFECT_HOME",
        _with_env({"PREFECT_HOME": "/proc/nowhere"}),
    )
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    yield Fault("locale C, UTF-8 mode off", "names with letters beyond ASCII", _with_env(plain))
    skip = "" if shutil.which("faketime") else "faketime is not installed"
    yield Fault("clock 400 days back for the second half", "faketime", _clock, skip)
    for megabytes in (300, 900, 1500, 1900):
        yield Fault("address space too small for the libraries", f"{megabytes} MB", _address_space(megabytes))


def _curate(lab: Lab, place: Path, **how: object) -> object:
    return lab.command("curate", lab.videos, "--recipe", "music-video", "--out", place / "ws", **how)  # type: ignore[arg-type]


def _killed(seconds: float, number: int) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        started: list[psutil.Process] = []

        def strike(pid: int) -> None:
            time.sleep(seconds)
            started.extend(psutil.Process(pid).children(recursive=True))
            os.kill(pid, number)

        ended = lab.command(
            "curate", lab.videos, "--recipe", "music-video", "--out", place / "ws", during=strike
        )
        expect("Traceback" not in ended.output, f"traceback: {ended.last()}")
        _, alive = psutil.wait_procs(started, timeout=15)
        names = [" ".join(process.cmdline())[-60:] for process in alive if process.is_running()]
        for process in alive:
            process.kill()
        expect(not names, f"processes outlive it: {names}")
        lab.rerun(place / "ws")

    return run


def _with_env(env: dict[str, str]) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        videos = Path(shutil.copytree(lab.videos, place / "v\u00efd\u00e9os \u97f3\u697d"))
        ended = lab.command("curate", videos, "--recipe", "music-video", "--out", place / "ws", env=env)
        clean(ended)
        expect(ended.code == 0, f"ends with {ended.code}: {ended.last()}")
        ended = lab.command("publish", place / "ws", "--out", place / "ds", env=env)
        clean(ended)
        expect(ended.code == 0, f"publish ends with {ended.code}: {ended.last()}")
        lab.same(place / "ws")

    return run


def _clock(lab: Lab, place: Path) -> None:
    words = ("curate", lab.videos, "--recipe", "music-video", "--out", place / "ws")

    def strike(pid: int) -> None:
        time.sleep(9)
        os.kill(pid, signal.SIGKILL)

    lab.command(*words, during=strike)
    ended = lab.command(*words, prefix=("faketime", "-400 days"))
    clean(ended)
    expect(ended.code == 0, f"ends with {ended.code}: {ended.last()}")
    lab.rerun(place / "ws")


def _address_space(megabytes: int) -> Callable[[Lab, Path], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    def run(lab: Lab, place: Path) -> None:
        ended = lab.command(
            "curate", lab.videos, "--recipe", "music-video", "--out", place / "ws", before=limit
        )
        expect("Traceback" not in ended.output, f"traceback: {ended.last()}")
        if ended.code >= 0 and ended.code < 126:
            one_line(ended, 2, 3)
        lab.rerun(place / "ws")

    return run
