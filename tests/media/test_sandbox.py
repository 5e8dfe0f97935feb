import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leitmotif.media import probe
from leitmotif.media.errors import DecoderCrashed, TimeLimitExceeded, Unreadable
from leitmotif.media.sandbox import SandboxedWorker

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def worker() -> Iterator[SandboxedWorker]:
    with SandboxedWorker() as worker:
        yield worker


def test_a_function_runs_in_one_lasting_child(worker: SandboxedWorker) -> None:
    first = worker.run(os.getpid, limit_s=30)
    assert first != os.getpid()
    assert worker.run(os.getpid, limit_s=30) == first


def test_arguments_keywords_and_megabytes_pass(worker: SandboxedWorker) -> None:
    assert worker.run(sorted, [3, 1, 2], reverse=True, limit_s=30) == [3, 2, 1]
    data = os.urandom(3_000_000)
    assert worker.run(bytes, data, limit_s=30) == data


def test_prints_of_the_function_do_not_break_the_answer(worker: SandboxedWorker) -> None:
    assert worker.run(print, "to standard output", limit_s=30) is None
    assert worker.run(os.system, "echo from a grandchild", limit_s=30) == 0
    assert worker.run(os.write, 1, b"straight to the descriptor\n", limit_s=30) == 27


def test_an_exception_comes_back_as_itself(worker: SandboxedWorker) -> None:
    with pytest.raises(Unreadable, match="no such file"):
        worker.run(probe.probe, Path("nothing.mp4"), limit_s=30)
    with pytest.raises(UnicodeDecodeError):
        worker.run(str, b"\xff", "utf-8", limit_s=30)


def test_a_call_over_its_limit_is_killed_and_the_next_one_works(worker: SandboxedWorker) -> None:
    before = worker.run(os.getpid, limit_s=30)
    with pytest.raises(TimeLimitExceeded, match=r"time\.sleep ran longer than 0\.2 s"):
        worker.run(time.sleep, 60, limit_s=0.2)
    assert worker.run(os.getpid, limit_s=30) != before


def test_a_child_that_dies_is_named_and_replaced(worker: SandboxedWorker) -> None:
    with pytest.raises(DecoderCrashed, match="SIGABRT"):
        worker.run(os.abort, limit_s=30)
    with pytest.raises(DecoderCrashed, match="status 3"):
        worker.run(os._exit, 3, limit_s=30)
    assert worker.run(len, "abc", limit_s=30) == 3


def test_what_cannot_be_imported_by_name_is_refused(worker: SandboxedWorker) -> None:
    with pytest.raises(ValueError, match="cannot be imported by name"):
        worker.run(lambda: 1, limit_s=1)


def test_it_works_from_another_folder_and_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "import os, threading, time\n"
        "from leitmotif.media.sandbox import SandboxedWorker\n"
        "worker = SandboxedWorker()\n"
        "print(worker.run(os.getpid, limit_s=60), flush=True)\n"
        "call = {'args': (time.sleep, 60), 'kwargs': {'limit_s': 99}}\n"
        "threading.Thread(target=worker.run, daemon=True, **call).start()\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        if not _alive(child):
            break
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
