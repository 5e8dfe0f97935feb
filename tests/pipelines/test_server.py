"""The Prefect server of a run ends with the run, and needs no home that can be written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from leitmotif.pipelines.server import prefect_server
from leitmotif.storage.errors import OutsideError

RUN = """
import sys
from leitmotif.pipelines.silence import silence_prefect
silence_prefect()
from leitmotif.pipelines.server import prefect_server
with prefect_server():
    print("runs", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_is_killed_leaves_no_server_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_HOME")}
    # No folder can be made in a file, whoever asks.
    env |= {"HOME": str(tmp_path / "file"), "TMPDIR": str(temporary)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", RUN], env=env, text=True, **pipes) as run:
        assert run.stdout is not None and run.stderr is not None
        assert run.stdout.readline() == "runs\n"
        servers = psutil.Process(run.pid).children(recursive=True)
        assert len(servers) == 1 and len(list(temporary.glob(".leitmotif-prefect.*"))) == 1
        run.send_signal(signal.SIGKILL)
        assert run.stderr.read() == ""
    gone, alive = psutil.wait_procs(servers, timeout=20)
    for server in alive:
        server.kill()
    assert gone and not alive
    assert not list(temporary.glob("*leitmotif*"))


def test_a_server_that_does_not_start_is_one_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no interpreter starts with it
    refused = pytest.raises(OutsideError, match=r"Prefect's server did not start \(.+\); ")
    with refused as raised, prefect_server():
        pass
    assert "\n" not in str(raised.value)
