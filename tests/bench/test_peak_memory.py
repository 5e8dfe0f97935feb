"""The peak of a process is its own, not that of the process that started it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from bench.peak_memory import ChildrenWatch, peak_bytes

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = (
    "import sys; from bench.peak_memory import peak_bytes; x = b'x' * int(sys.argv[1]); print(peak_bytes())"
)


def test_what_the_parent_held_does_not_count():
    held = np.ones(600_000_000, np.uint8)
    with ChildrenWatch() as children:
        small, large = (
            int(subprocess.check_output([sys.executable, "-c", CODE, str(size)], cwd=REPOSITORY))
            for size in (0, 200_000_000)
        )
    assert peak_bytes() > held.nbytes
    assert small < 150_000_000
    assert 190_000_000 < large - small < 250_000_000
    assert children.peak_bytes < 400_000_000
