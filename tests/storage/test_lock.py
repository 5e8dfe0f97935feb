"""One process holds a lock, and a killed one holds it no longer."""

import subprocess
import sys
from pathlib import Path

import pytest

from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.storage.lock import InUseError, check_free, hold, hold_folder, is_held

HOLDER = (
    "import sys, time; from pathlib import Path; from leitmotif.storage.lock import hold\n"
    "with hold(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


def test_a_lock_is_held_once_and_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        assert is_held(lock)
        with pytest.raises(InUseError), hold(lock):
            pass
        holder.kill()
        holder.wait()
    assert not is_held(lock)
    with hold(lock):
        pass


def test_looking_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    assert not is_held(tmp_path / ".lock")
    with hold(tmp_path / ".lock"):
        pass


def test_a_folder_is_held_once_and_both_looks_say_so_in_the_same_words(tmp_path: Path) -> None:
    root = tmp_path / "new" / "work"
    check_free(root, "workspace")
    assert not root.exists()
    said = f"workspace {str(root)!r} is in use by another run; wait for it to end"
    with hold_folder(root, "workspace", scratch=root / "scratch"):
        assert (root / "scratch").is_dir()
        with (
            pytest.raises(OutsideError) as second,
            hold_folder(root, "workspace", scratch=root / "scratch"),
        ):
            pass
        with pytest.raises(OutsideError) as look:
            check_free(root, "workspace")
    assert str(second.value) == str(look.value) == said
    check_free(root, "workspace")


def test_a_place_that_is_no_folder_is_refused_by_both_looks(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    root = tmp_path / "file" / "work"
    for look in (
        lambda: check_free(root, "folder"),
        lambda: hold_folder(root, "folder", scratch=root).__enter__(),
    ):
        with pytest.raises(UserError, match=r"folder '.*' cannot be written \(.*\); choose another --out"):
            look()
