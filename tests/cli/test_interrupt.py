"""Ctrl-C, as a terminal sends it: to the whole group of processes."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leitmotif.cli.parser import make_parser

# In short sleeps: a signal that comes just before the system call of a sleep is seen when that ends.
COMMAND = """
import subprocess, sys, time
from leitmotif.cli import interrupt
interrupts = interrupt.Interrupts(as_json="--json" in sys.argv)
interrupts.listen()
interrupts.line = lambda: "interrupted; go on with: leitmotif x"
interrupt.GRACE_S = {grace_s}
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL)
try:
    print(child.pid, flush=True)
    for _ in range(6000): time.sleep(0.1)
except KeyboardInterrupt:
    print("libraries say a lot", file=sys.stderr, flush=True)
    print("and so they do", flush=True)
    {then}
interrupts.end()
"""
LINE = "leitmotif: error: interrupted; go on with: leitmotif x\n"


def start(then: str, *words: str, grace_s: float = 600.0) -> tuple[subprocess.Popen[str], int]:
    """Start a command that starts a child; return it with the child's id."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(then=then, grace_s=grace_s), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def ends(pid: int, within_s: float = 30.0) -> bool:
    """Tell whether a process that was killed is gone: a busy system takes its time over it."""
    status = Path(f"/proc/{pid}/status")
    deadline_s = time.monotonic() + within_s
    while status.exists() and "Z (zombie)" not in status.read_text():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


def test_it_is_one_line_and_130_and_nothing_is_left_running() -> None:
    process, child = start("pass")
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=300)
    assert (process.returncode, said, errors) == (130, "", LINE)
    assert ends(child)


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_sigterm_is_one_line_and_143_and_nothing_is_left_running(send: Callable[[int, int], None]) -> None:
    process, child = start("pass")
    send(process.pid, signal.SIGTERM)
    said, errors = process.communicate(timeout=300)
    assert (process.returncode, said, errors) == (143, "", LINE)
    assert ends(child)


def test_a_forked_process_ends_by_sigterm_alone() -> None:
    script = "import os, signal, time\nready, begun = os.pipe()\n"
    script += "if (pid := os.fork()) == 0: os.write(begun, b'.'); time.sleep(600)\n"
    script += "os.read(ready, 1); os.kill(pid, signal.SIGTERM); _, status = os.waitpid(pid, 0); "
    script += "print(os.waitstatus_to_exitcode(status))"
    code = COMMAND.partition("child =")[0].format(grace_s=600) + script
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == (f"{-signal.SIGTERM}\n", "")


def test_what_takes_too_long_to_end_is_ended() -> None:
    process, _ = start("time.sleep(600)", grace_s=0.1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=300) == ("", LINE)
    assert process.returncode == 130


def test_a_second_one_ends_at_once(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    process, _ = start(f"open({str(seen)!r}, 'w'); [time.sleep(0.1) for _ in range(6000)]")
    os.killpg(process.pid, signal.SIGINT)
    while not seen.exists():  # two signals at once are one
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)  # it would take its time
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=300) == ("", LINE)
    assert process.returncode == 130


def test_a_library_that_lets_the_signal_through_changes_nothing() -> None:
    before = "import signal; signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT}); "
    script = COMMAND.format(then="pass", grace_s=600)
    script = script.replace("    for _", f"    {before}print('ready', flush=True)\n    for _", 1)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while process.stdout.readline() != "ready\n":
        pass
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=300) == ("", LINE)
    assert process.returncode == 130


def test_with_json_an_object_is_the_last_line() -> None:
    process, _ = start("pass", "--json")
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=300)
    told = json.loads(said)
    assert (told["kind"], told["exit_code"], errors) == ("interrupted", 130, LINE)
    assert told["error"] in LINE


def test_a_command_that_ctrl_c_is_to_end_ends_by_itself() -> None:
    script = COMMAND.format(then="sys.exit(0)", grace_s=600)
    script = script.replace('lambda: "interrupted; go on with: leitmotif x"', "None")
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=300)
    os.kill(child, signal.SIGKILL)
    assert (process.returncode, said) == (0, "and so they do\n")


@pytest.mark.parametrize(
    ("words", "ends_so"),
    [
        ("status ws --watch", True),
        ("status ws", False),
        ("survey serve s", True),
        ("survey report s", False),
    ],
)
def test_what_runs_until_ctrl_c_is_no_interruption(words: str, ends_so: bool) -> None:
    options = make_parser().parse_args(words.split())
    assert options.until_interrupted(options) == ends_so


def test_a_training_that_was_begun_is_gone_on_with_by_resume(tmp_path: Path) -> None:
    from leitmotif.cli.main import _line_of_interrupt

    words = ["train", "mmdm", "a dataset", "--out", str(tmp_path / "run")]
    line = _line_of_interrupt(make_parser().parse_args(words), words)
    assert line is not None
    go_on = f"interrupted; go on with: leitmotif train mmdm 'a dataset' --out {tmp_path / 'run'}"
    assert line() == go_on
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_text("{}")
    assert line() == f"{go_on} --resume"
    assert shlex.split(line().partition("with: leitmotif ")[2]) == [*words, "--resume"]
