"""One process holds a lock, and a killed one holds it no longer."""

import subprocess
import sys
from pathlib import Path

import pytest

from leitmotif.storage.lock import InUseError, hold, is_held

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
