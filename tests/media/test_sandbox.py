import contextlib
import os
import pickle
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from leitmotif.media import probe
from leitmotif.media.errors import DecodeFailed, DecoderCrashed, TimeLimitExceeded, TooLarge, Unreadable
from leitmotif.media.key_frames import timed_key_frames
from leitmotif.media.messages import conform, conform_error, pack, unpack
from leitmotif.media.mux import write_video
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.media.sandbox_child import given_up
from leitmotif.media.turns import alone

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def worker() -> Iterator[SandboxedWorker]:
    with SandboxedWorker() as worker:
        yield worker


def test_a_function_runs_in_one_lasting_child(worker: SandboxedWorker) -> None:
    first = worker.run(os.getpid, limit_s=120)
    assert first != os.getpid()
    assert worker.run(os.getpid, limit_s=120) == first


def test_arguments_keywords_and_megabytes_pass(worker: SandboxedWorker) -> None:
    assert worker.run(sorted, [3, 1, 2], reverse=True, limit_s=120) == [3, 2, 1]
    data = os.urandom(3_000_000)
    assert worker.run(bytes, data, limit_s=120) == data


def test_prints_of_the_function_do_not_break_the_answer(worker: SandboxedWorker) -> None:
    assert worker.run(print, "to standard output", limit_s=120) is None
    assert worker.run(os.system, "echo from a grandchild", limit_s=120) == 0
    assert worker.run(os.write, 1, b"straight to the descriptor\n", limit_s=120) == 27


def test_an_exception_comes_back_as_itself(worker: SandboxedWorker) -> None:
    with pytest.raises(Unreadable, match="no such file"):
        worker.run(probe.probe, Path("nothing.mp4"), limit_s=120)
    with pytest.raises(FileExistsError, match="File exists"):
        worker.run(os.mkdir, "/", limit_s=120)


def test_an_error_that_was_not_foreseen_comes_back_as_one_of_ours_with_words(worker: SandboxedWorker) -> None:
    with pytest.raises(DecodeFailed, match=r"unforeseen way \(TypeError: .*\).*; fetch or export it again"):
        worker.run(len, None, limit_s=120)


def test_a_call_over_its_limit_is_killed_and_the_next_one_works(worker: SandboxedWorker) -> None:
    before = worker.run(os.getpid, limit_s=120)
    with pytest.raises(TimeLimitExceeded, match=r"time\.sleep ran longer than 0\.2 s"):
        worker.run(time.sleep, 60, limit_s=0.2)
    assert worker.run(os.getpid, limit_s=120) != before


def die_once(mark: str, signal_number: int) -> str:
    """Die of a signal, but for the second time."""
    if Path(mark).exists():
        return "done"
    Path(mark).touch()
    os.kill(os.getpid(), signal_number)
    return "not reached"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_child_that_is_lost_once_is_tried_again(
    tmp_path: Path, worker: SandboxedWorker, number: int
) -> None:
    assert worker.run(die_once, str(tmp_path / "mark"), number, limit_s=120, writes=tmp_path) == "done"


def touch(path: str) -> str:
    """Make a file."""
    Path(path).touch()
    return path


def test_a_folder_that_was_made_anew_is_written_to_as_before(tmp_path: Path, worker: SandboxedWorker) -> None:
    folder = tmp_path / "scratch"
    for name in ("a", "b"):
        folder.mkdir()
        worker.run(touch, str(folder / name), limit_s=120, writes=folder)
        assert [path.name for path in folder.iterdir()] == [name]
        shutil.rmtree(folder)


def test_memory_beyond_the_bound_is_the_files_fault_with_the_bound_in_the_line(
    worker: SandboxedWorker,
) -> None:
    with pytest.raises(TooLarge, match=r"needs more than 1\.5 GB of memory"):
        worker.run(bytearray, 2 << 30, limit_s=60)
    assert worker.run(len, "abc", limit_s=120) == 3
    with SandboxedWorker(2 << 28) as other, pytest.raises(TooLarge, match=r"needs more than 0\.5 GB"):
        other.run(bytearray, 1 << 30, limit_s=60)


def die(path: Path) -> None:
    """Die as who the kernel ends where memory is used up."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_child_that_is_killed_while_memory_is_short_is_the_machines_fault(
    worker: SandboxedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leitmotif.media.sandbox.free_memory_bytes", lambda: 100 << 20)
    with pytest.raises(MemoryError, match=r"too little is left for .*die of 'film\.mp4'"):
        worker.run(die, Path("film.mp4"), limit_s=60)
    with pytest.raises(
        DecoderCrashed, match="SIGABRT"
    ):  # of which a file that breaks the decoder is the cause
        worker.run(os.abort, limit_s=60)
    with pytest.raises(TooLarge):
        worker.run(bytearray, 2 << 30, limit_s=60)


def test_memory_that_a_limit_of_the_users_refuses_is_the_machines_fault(
    worker: SandboxedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leitmotif.media.sandbox.resource.getrlimit", lambda which: (1 << 30, 1 << 30))
    with pytest.raises(MemoryError, match="too little is left"):
        worker.run(bytearray, 2 << 30, limit_s=60)


def try_to_reach_out(folder: str) -> dict[str, str]:
    """Try what a decoder has no need of, and say how each attempt ended."""
    tries: dict[str, Callable[[], object]] = {
        "socket": lambda: socket.socket(),
        "elsewhere": lambda: Path("/tmp/leitmotif-reached-out").touch(),
        "remove": lambda: Path(folder, "beside").unlink(),
        "change": lambda: Path(folder, "beside").write_text("changed"),
        "own": lambda: Path(folder, "own", "new").write_text("fine"),
        "read": lambda: Path(folder, "beside").read_text(),
        "signal": lambda: os.kill(os.getppid(), 0),
        "grandchild": lambda: subprocess.run(
            [sys.executable, "-c", "import socket; socket.socket()"], stderr=subprocess.DEVNULL, check=True
        ),
    }
    ends = {}
    for name, attempt in tries.items():
        try:
            attempt()
            ends[name] = "done"
        except Exception as error:
            ends[name] = type(error).__name__
    return ends


def test_the_child_has_no_network_and_changes_nothing_but_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "beside").write_text("stays")
    with SandboxedWorker() as worker:
        held = worker.run(given_up, limit_s=120)
        ends = worker.run(try_to_reach_out, str(tmp_path), limit_s=60, writes=tmp_path / "own")
    assert any(said.startswith("memory beyond 1.5 GB") for said in held)
    assert ends["own"] == ends["read"] == "done"
    # What this system cannot take away is not in the list, which `leitmotif doctor` shows.
    refused = {name for name, end in ends.items() if end == "PermissionError"}
    assert (refused >= {"socket"}) == ("the network" in held)
    assert (refused >= {"elsewhere", "remove", "change"}) == ("writing elsewhere" in held)
    assert ends["grandchild"] != "done" or "the network" not in held
    if sys.platform == "linux":
        assert "the network" in held


def test_a_library_that_asks_for_the_folder_of_temporary_files_is_answered(worker: SandboxedWorker) -> None:
    assert worker.run(tempfile.gettempdir, limit_s=120) == tempfile.gettempdir()


class Evil:
    """What runs a command in whoever unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("/tmp/leitmotif-owned",)


def answer_with(message: bytes) -> None:
    """Write a message past the child's own answer, as one does who took it over."""
    for number in range(3, 10):
        with contextlib.suppress(OSError):
            os.write(number, struct.pack(">Q", len(message)) + message)


@pytest.mark.parametrize(
    "message",
    [
        pickle.dumps((True, Evil())),
        b"\xc1",
        msgpack.packb([True]),
        msgpack.packb([False, 3]),
        msgpack.packb([True, {"duration_s": "long"}]),
        msgpack.packb([False, msgpack.ExtType(3, msgpack.packb(["SystemExit", "x", None, None, []]))]),
        msgpack.packb([True, msgpack.ExtType(2, msgpack.packb(["|O", [1], b"12345678"]))]),
        msgpack.packb([True, msgpack.ExtType(2, msgpack.packb(["<f8", [1 << 40], b""]))]),
        msgpack.packb([True, msgpack.ExtType(99, b"")]),
        b"\x91" * 100_000,
    ],
)
def test_whatever_bytes_come_of_the_child_they_are_an_error_of_this_file_alone(message: bytes) -> None:
    with pytest.raises(ValueError):
        succeeded, value = unpack(message)
        conform(value, probe.probe) if succeeded else conform_error(value)
    assert not Path("/tmp/leitmotif-owned").exists()


def test_an_answer_that_is_none_costs_one_row(worker: SandboxedWorker) -> None:
    with pytest.raises(DecoderCrashed, match="no valid answer"):
        worker.run(answer_with, b"\xc1", limit_s=120)
    assert worker.run(len, "abc", limit_s=120) == 3


def test_an_answer_of_absurd_length_is_not_waited_for(worker: SandboxedWorker) -> None:
    with pytest.raises(DecoderCrashed, match="no valid answer"):
        worker.run(os.write, 4, struct.pack(">Q", 1 << 40), limit_s=120)


@pytest.mark.parametrize(
    "value",
    [
        None, True, -3, 1 << 60, 0.1, float("inf"), "a\u2028\ud800", b"\x00\xff", [1, [2.5, "x"]],
        {"a": {"b": []}}, Path("/videos/\udcff.mp4"),
        np.arange(6, dtype=np.int16).reshape(2, 3), np.zeros((0, 2), np.float32),
    ],
)  # fmt: skip
def test_data_pass_as_they_are(value: object) -> None:
    again = unpack(pack(value))
    if isinstance(value, np.ndarray):
        assert again.dtype == value.dtype
        np.testing.assert_array_equal(again, value)
    else:
        assert again == value and type(again) is type(value)


def test_results_come_back_as_the_annotation_of_the_function_says(
    tmp_path: Path, worker: SandboxedWorker
) -> None:
    film = tmp_path / "film.mp4"
    frames = np.zeros((30, 64, 64, 3), np.uint8)
    write_video(film, frames, np.zeros((2, 44100), np.float32), fps=30)
    assert worker.run(probe.probe, film, limit_s=60) == probe.probe(film)
    pictures = worker.run(timed_key_frames, film, count=2, limit_s=60)
    assert pictures == timed_key_frames(film, count=2) and type(pictures[0]) is tuple


def test_one_decoder_that_is_alone_keeps_others_out(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from leitmotif.media.turns import beside_others\n"
        "print('waits', flush=True)\n"
        "with beside_others(): print('in', flush=True)\n"
    )
    with alone():
        other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None and other.stdout.readline() == "waits\n"
        time.sleep(0.3)
        assert other.poll() is None
    assert other.communicate(timeout=120)[0] == "in\n"


def test_a_child_that_dies_is_named_and_replaced(worker: SandboxedWorker) -> None:
    with pytest.raises(DecoderCrashed, match="SIGABRT"):
        worker.run(os.abort, limit_s=120)
    with pytest.raises(DecoderCrashed, match="status 3"):
        worker.run(os._exit, 3, limit_s=120)
    assert worker.run(len, "abc", limit_s=120) == 3


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


NESTED = """
from leitmotif.media.messages import unpack
message = b"\\xc0"
for _ in range(5000):
    message = b"\\xc9" + len(message).to_bytes(4, "big") + bytes([KIND]) + message
try:
    unpack(message)
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("kind", [2, 3])
def test_kinds_within_kinds_do_not_end_the_process_that_reads_them(kind: int) -> None:
    code = NESTED.replace("KIND", str(kind))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    assert done.stdout == f"no message: a value of kind {kind} within another\n"
