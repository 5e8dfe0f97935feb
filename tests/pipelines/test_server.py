"""The Prefect server of a run ends with the run, and needs no home that can be written."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from leitmotif.pipelines import server as prefect
from leitmotif.pipelines.server import default_home, prefect_server
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


def test_a_database_of_another_version_is_named_where_the_user_chose_it_and_else_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / ".prefect"
    home.mkdir()
    with sqlite3.connect(home / "prefect.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0123456789ab')")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not default_home().is_relative_to(home)
    monkeypatch.setenv("PREFECT_HOME", str(home))
    refused = pytest.raises(OutsideError, match=r"did not start \(.*0123456789ab.*\); see to that")
    with refused, prefect_server():
        pass


def test_a_server_that_is_slow_is_waited_for_with_a_line_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(prefect, "TOLD_AFTER_S", 0.01)
    with (
        caplog.at_level(logging.INFO, logger="leitmotif.pipelines"),
        pytest.raises(OutsideError, match=r"did not start within 0\.1 s; run again when"),
        prefect_server(0.1),
    ):
        pass
    assert "is slow to start; it has 0.1 s" in caplog.text
