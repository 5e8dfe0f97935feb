"""A few faults of every group, in a process of its own, since it forks; `make chaos` tries them all."""

import subprocess
import sys

from tests.chaos.lab import REPOSITORY


def test_a_sample_of_faults_is_survived() -> None:
    tried = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--sample", "--jobs", "2"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert tried.returncode == 0, f"{tried.stdout}\n{tried.stderr}"
    assert "0 not survived" in tried.stdout
