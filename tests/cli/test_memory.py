"""A want of memory is said in one line, whatever a library makes of it."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from leitmotif.cli import main as main_module
from leitmotif.cli.exits import Exit
from leitmotif.cli.main import main
from leitmotif.cli.memory import ran_out_of_memory

REPOSITORY = Path(__file__).resolve().parents[2]
# Too little to map NumPy's libraries, which Python is told of. With a little more, those are there and find
# none for themselves: OpenBLAS 0.3 then ends the process with a line of its own, before anybody says another.
LIMIT_BYTES = 200 << 20


def test_too_little_memory_for_the_libraries_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").touch()
    command = [sys.executable, "-c", "from leitmotif.cli.main import command; command()"]
    shown = subprocess.run(
        [*command, "curate", str(tmp_path), "--out", str(tmp_path / "ws")],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES)),
    )
    assert shown.returncode == Exit.OUTSIDE and "Traceback" not in shown.stderr
    assert shown.stderr.splitlines()[-1].startswith("leitmotif: error: memory ran out; ")


def test_an_error_that_memory_has_no_part_in_stays_a_fault() -> None:
    assert not ran_out_of_memory(ImportError("no module named x"))


def test_what_follows_from_a_lack_of_memory_is_one() -> None:
    error = ValueError("half there")
    error.__context__ = MemoryError()
    assert ran_out_of_memory(error)


def test_a_fault_of_ours_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(main_module, "_run", fail)
    assert main(["status", "ws"]) == Exit.FAULT
    assert "Traceback" in capsys.readouterr().err
