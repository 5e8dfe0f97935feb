"""What killed processes leave beside files and folders is gone after the next write, and nothing else is."""

import errno
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from leitmotif.storage import atomic
from leitmotif.storage.atomic import (
    clear_folder,
    clear_leftovers,
    temporary_folder,
    whole_file,
    whole_folder,
    write_files,
)
from leitmotif.storage.lock import hold_folder

KILLS = 24
NAMES = ("one.json", "two.json")


def write_for_ever(place: Path) -> None:
    content = bytes(1 << 16)
    while True:
        with whole_folder(place / "dataset") as beside:
            for number in range(4):
                (beside / f"{number}").write_bytes(content)
        write_files(place / "reports", dict.fromkeys(NAMES, content))
        with whole_file(place / "workspace" / "plan.yaml") as beside:
            beside.write_bytes(content)


def hidden(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob(".*") if path.name != ".lock")


def test_whatever_the_moment_of_a_kill_the_next_write_leaves_nothing_behind(tmp_path: Path) -> None:
    draw = random.Random(17)
    fork = multiprocessing.get_context("fork")
    for name in ("reports", "workspace"):
        (tmp_path / name).mkdir()
    left = 0
    for _ in range(KILLS):
        writer = fork.Process(target=write_for_ever, args=(tmp_path,))
        writer.start()
        time.sleep(draw.uniform(0.01, 0.06))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        left += len(hidden(tmp_path))
        if (tmp_path / "dataset").exists():
            assert len(list((tmp_path / "dataset").iterdir())) == 4
    assert left, "no kill fell into a write: the test has shown nothing"
    with whole_folder(tmp_path / "dataset"):
        pass
    write_files(tmp_path / "reports", dict.fromkeys(NAMES, b""))
    with hold_folder(tmp_path / "workspace", "workspace", scratch=tmp_path / "workspace" / "scratch"):
        pass
    assert hidden(tmp_path) == []


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "out") as mine, whole_file(tmp_path / "page.html") as page:
        clear_leftovers(tmp_path / "out")
        clear_folder(tmp_path)
        with whole_folder(tmp_path / "out") as other:
            (other / "file").write_text("other")
        (mine / "file").write_text("mine")
        page.write_text("page")
    assert (tmp_path / "out" / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "page.html"]


def test_a_hidden_file_with_a_date_in_its_name_is_no_leftover(tmp_path: Path) -> None:
    (tmp_path / ".notes.20240101").write_text("a user's")
    clear_folder(tmp_path)
    assert (tmp_path / ".notes.20240101").read_text() == "a user's"


@pytest.mark.parametrize("refused", ["open", "lock"])
def test_where_nothing_can_be_locked_files_are_written_and_a_former_folder_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    def open_no_more(path: Path, flags: int, *rest: int) -> int:
        if flags & os.O_NOFOLLOW:
            raise OSError(errno.EMFILE, "too many files are open")
        return opened(path, flags, *rest)

    def lock_nothing(*_: object) -> None:
        raise OSError(errno.EBADF, "as NFS answers of what is open for reading")

    opened = os.open
    former = tmp_path / ".out.0123abcd.part.former"
    former.mkdir()
    (tmp_path / ".out.4567abcd.part").mkdir()
    with monkeypatch.context() as patched:
        if refused == "lock":
            patched.setattr(atomic.fcntl, "flock", lock_nothing)
        else:
            patched.setattr(atomic.os, "open", open_no_more)
        clear_leftovers(tmp_path / "out")
        with atomic._owned_file(tmp_path / "page") as beside:
            beside.write_text("page")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.4567abcd.part", "out"]


def test_temporary_folders_of_killed_processes_go_and_those_of_living_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / ".leitmotif-previews.0123abcd").mkdir()
    (tmp_path / ".leitmotif-other.0123abcd").mkdir()
    with temporary_folder("previews") as one, temporary_folder("previews") as other:
        assert one.is_dir() and other.is_dir()
        assert len(hidden(tmp_path)) == 3
    assert [path.name for path in tmp_path.iterdir()] == [".leitmotif-other.0123abcd"]


def test_hidden_files_of_others_stay(tmp_path: Path) -> None:
    for name in (".notes", ".out.swp", ".out.0123abcd.bak", ".other.0123abcd"):
        (tmp_path / name).touch()
    with whole_folder(tmp_path / "out"):
        pass
    assert len(hidden(tmp_path)) == 4
