"""The Prefect server of a run: a process that ends with the run, in whatever way that ends.

Prefect would start one by itself, which outlives a run that is killed. This one waits for the end of a pipe
that the run alone holds: no signal and no list of process ids is needed, and no other process is at risk.
"""

from __future__ import annotations

import logging
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO

from leitmotif.storage.atomic import temporary_folder
from leitmotif.storage.errors import OutsideError

logger = logging.getLogger("leitmotif.pipelines")

START_LIMIT_S = 600.0  # imports and the tables of a new database, on a busy machine
TOLD_AFTER_S = 10.0  # which it takes on no machine that has nothing else to do
END_LIMIT_S = 5.0
LINES = 50  # of what a server says that does not start


class NoServerError(OutsideError):
    """No server came up.

    Args:
        reason: Why, with what the server said last.
        advice: What to do where a run cannot do without it.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason = reason


@contextmanager
def prefect_server(limit_s: float = START_LIMIT_S) -> Iterator[None]:
    """Run flows of this block by a server that ends with the block, or with this process.

    Where the user has named a server by PREFECT_API_URL, flows go there, and none is started.

    Args:
        limit_s: How long it may take to start.

    Raises:
        NoServerError: It does not start.
    """
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    if PREFECT_API_URL.value():
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "leitmotif.pipelines.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt from the keyboard is this process's to handle
        env={
            "PREFECT_HOME": str(default_home()),
            **os.environ,
            **get_current_settings().to_environment_variables(exclude_unset=True),
            "PREFECT_UI_ENABLED": "0",
            # As Prefect sets them for a server of its own.
            "PREFECT__SERVER_EPHEMERAL": "1",
            "PREFECT__SERVER_FINAL": "1",
        },
    )
    try:
        url = f"http://127.0.0.1:{_port(process, limit_s)}/api"
        with temporary_settings(updates={PREFECT_API_URL: url}):
            yield
    finally:
        _end(process)


def default_home() -> Path:
    """Return where Prefect keeps what it knows of our runs, unless the user says it by PREFECT_HOME.

    Not in the user's own `~/.prefect`: a database there is of whatever version was used last, a newer one
    changes its tables for good, and an older one does not start with them.
    """
    return Path(f"~/.cache/leitmotif/prefect-{version('prefect')}").expanduser()


def _port(process: subprocess.Popen[str], limit_s: float) -> int:
    """Wait until the server answers, and return its port; a line says so where that takes long."""
    assert process.stdout is not None and process.stderr is not None
    said: deque[str] = deque(maxlen=LINES)
    listener = threading.Thread(target=_last_lines, args=(process.stderr, said), daemon=True)
    listener.start()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        soon = min(TOLD_AFTER_S, limit_s)
        if not selector.select(soon):
            logger.info("Prefect's server is slow to start; it has %g s", limit_s)
            if not selector.select(limit_s - soon):
                raise NoServerError(
                    f"Prefect's server did not start within {limit_s:g} s",
                    "run again when the machine is less busy, or name a running server by PREFECT_API_URL",
                )
    answer = process.stdout.readline().strip()
    if answer.isdecimal():
        return int(answer)
    process.wait()
    listener.join(END_LIMIT_S)
    # The last line of a traceback; below it others may write.
    faults = [line for line in said if line.partition(":")[0].endswith(("Error", "Exception"))] or list(said)
    raise NoServerError(
        f"Prefect's server did not start ({faults[-1] if faults else f'exit code {process.returncode}'})",
        "see to that, try an empty folder as PREFECT_HOME, or name a running server by PREFECT_API_URL",
    )


def _last_lines(pipe: IO[str], said: deque[str]) -> None:
    """Keep the last lines that are said, and never let the one who says them wait."""
    with suppress(ValueError):  # the pipe was closed
        said.extend(line.strip() for line in pipe if line.strip())


def _end(process: subprocess.Popen[str]) -> None:
    """Close the pipe, which ends the server, and wait for that."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def serve() -> None:
    """Serve until standard input ends: the child."""
    home: list[Path] = []

    def end_with_the_run() -> None:
        sys.stdin.buffer.read()
        for folder in home:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=end_with_the_run, daemon=True).start()
    with _writable_home(home):
        import uvicorn

        class Announced(uvicorn.Server):
            """A server that prints its port once it answers."""

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    print(listening.getsockname()[1], flush=True)

        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            "prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on"
        )
        Announced(config).run(sockets=[listening])


@contextmanager
def _writable_home(made: list[Path]) -> Iterator[None]:
    """Give Prefect a folder of its own for the time of the run where its home cannot be written.

    Args:
        made: Takes the folder, for whoever ends the process before this block ends.
    """
    home = Path(os.environ.get("PREFECT_HOME") or default_home())
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError:
        with temporary_folder("prefect") as folder:
            made.append(folder)
            os.environ["PREFECT_HOME"] = str(folder)
            yield
        return
    yield


if __name__ == "__main__":
    serve()
