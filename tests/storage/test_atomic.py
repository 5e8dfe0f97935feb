"""Files and folders appear whole or not at all, whatever ends the writing."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from leitmotif.storage import atomic
from leitmotif.storage.atomic import (
    clear_leftovers,
    name_beside,
    replace_file,
    replace_folder,
    whole_file,
    whole_folder,
    write_bytes,
    write_files,
    write_text,
)


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_text_and_bytes_take_the_place_of_former_ones_and_leave_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "über")
    assert path.read_text(encoding="utf-8") == "über"
    write_bytes(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_fails_half_way_leaves_the_former_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "former")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as beside:
        beside.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "write", "rename"])
def test_a_full_disk_leaves_the_former_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file"
    write_text(path, "former")
    where = {"fsync": (os, "fsync"), "write": (Path, "write_text"), "rename": (Path, "replace")}[call]
    monkeypatch.setattr(*where, full_disk)
    with pytest.raises(OSError) as caught:
        write_text(path, "new")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_is_flushed_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    flush, rename = atomic._flush, Path.replace

    def flushed(path: Path) -> None:
        done.append("folder" if path.is_dir() else "file")
        flush(path)

    def renamed(path: Path, to: Path) -> None:
        done.append("rename")
        rename(path, to)

    monkeypatch.setattr(atomic, "_flush", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(tmp_path / "file", "text")
    assert done == ["file", "rename", "folder"]


def test_a_file_system_that_cannot_flush_folders_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def cannot(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112
            raise OSError(errno.EINVAL, "Invalid argument")
        flush(handle)

    monkeypatch.setattr(os, "fsync", cannot)
    write_text(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    former = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "text")
        (tmp_path / "file").chmod(0o600)
        write_text(tmp_path / "file", "again")
    finally:
        os.umask(former)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_part_elsewhere_on_the_file_system_may_be_named(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with whole_file(tmp_path / "file", beside=scratch / "part.flac") as beside:
        assert beside == scratch / "part.flac"
        beside.write_bytes(b"sound")
    assert (tmp_path / "file").read_bytes() == b"sound"
    (scratch / "other").write_bytes(b"other")
    replace_file(scratch / "other", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"other"
    assert not list(scratch.iterdir())


def test_of_several_files_all_are_written_before_the_first_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"a": b"1", "figures/b": b"2"})
    write, written = Path.write_bytes, []

    def second_fails(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) == 2:
            full_disk()
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", second_fails)
    with pytest.raises(OSError):
        write_files(tmp_path, {"a": b"new", "figures/b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"1"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "figures"]


KILLED = {
    "file": "with whole_file(place) as beside:\n    beside.write_text('half')\n    wait()\n",
    "folder": "with whole_folder(place) as beside:\n    (beside / 'file').write_text('half')\n    wait()\n",
}


@pytest.mark.parametrize("kind", KILLED)
def test_a_process_killed_between_write_and_rename_leaves_what_was_there(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "file":
        write_text(place, "former")
    else:
        folder(place, "former")
    program = (
        "import sys, time; from pathlib import Path\n"
        "from leitmotif.storage.atomic import whole_file, whole_folder\n"
        "def wait():\n    print('written', flush=True)\n    time.sleep(60)\n"
        "place = Path(sys.argv[1])\n" + KILLED[kind]
    )
    with subprocess.Popen([sys.executable, "-c", program, place], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "written\n"
        child.kill()
        assert child.wait() == -signal.SIGKILL
    assert (place if kind == "file" else place / "file").read_text() == "former"
    if kind == "folder":
        clear_leftovers(place)
        assert list(tmp_path.iterdir()) == [place]


@pytest.fixture(params=["exchange", "two renames", "no such call"])
def renaming(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The ways of exchanging two folders: that of this system, and those of systems that have none."""
    if request.param == "two renames":
        monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    elif request.param == "no such call":
        monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: object())
    yield


@pytest.mark.usefixtures("renaming")
def test_a_new_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text in ("first", "second"):
        with whole_folder(out) as beside:
            (beside / "file").write_text(text)
    assert (out / "file").read_text() == "second"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.usefixtures("renaming")
def test_an_empty_folder_and_a_missing_parent_are_no_hindrance(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with whole_folder(out) as beside:
        (beside / "file").write_text("first")
    empty = tmp_path / "empty"
    empty.mkdir()
    with whole_folder(empty) as beside:
        (beside / "file").write_text("first")
    assert (out / "file").read_text() == (empty / "file").read_text() == "first"


@pytest.mark.usefixtures("renaming")
def test_a_folder_that_is_not_finished_changes_nothing(tmp_path: Path) -> None:
    out = folder(tmp_path / "out", "former")
    with pytest.raises(OSError), whole_folder(out) as beside:
        (beside / "file").write_text("half")
        full_disk()
    assert (out / "file").read_text() == "former"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("answer", atomic._NO_EXCHANGE)
def test_a_file_system_without_the_exchange_is_known_by_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    class Library:
        renameat2: Callable[..., int] = staticmethod(lambda *_: -1)

    monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: Library)
    monkeypatch.setattr(atomic.ctypes, "get_errno", lambda: answer)
    out = folder(tmp_path / "out", "first")
    replace_folder(folder(name_beside(out), "second"), out)
    assert (out / "file").read_text() == "second"
    monkeypatch.setattr(atomic.ctypes, "get_errno", lambda: errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        replace_folder(folder(tmp_path / ".out.00000000", "third"), out)
    assert (out / "file").read_text() == "second"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two folders at once")
def test_there_is_a_whole_folder_at_the_place_at_every_moment() -> None:
    with TemporaryDirectory(dir="/dev/shm") as place:  # any Linux exchanges there, whatever the disk is
        out, new = folder(Path(place, "out"), "first"), folder(Path(place, ".out.00000000"), "second")
        assert atomic._exchange(new, out)
        assert ((out / "file").read_text(), (new / "file").read_text()) == ("second", "first")


def test_a_disk_that_refuses_the_second_rename_leaves_the_former_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    out = folder(tmp_path / "out", "first")
    with pytest.raises(OSError):
        replace_folder(tmp_path / ".out.missing", out)
    assert (out / "file").read_text() == "first"


def test_what_killed_runs_left_is_cleared_and_a_former_folder_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder(tmp_path / ".out.0123abcd", "half")
    folder(tmp_path / ".out.4567abcd.former", "former")
    folder(tmp_path / ".outer.0123abcd", "of another")
    clear_leftovers(out)
    assert (out / "file").read_text() == "former"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".outer.0123abcd", "out"]
