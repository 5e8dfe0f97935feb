import subprocess
import sys
from pathlib import Path

import pytest

from tests.separation.demucs_models import TINY, save_model

RUN = """
import sys
import numpy as np
from bench.peak_memory import peak_bytes
from leitmotif.separation.demucs import DemucsSeparator
from leitmotif.separation.separator import separate_blocks
separator = DemucsSeparator(model="tiny", repo=sys.argv[1], batch=2).load()
second = 0.1 * np.random.default_rng(0).standard_normal((2, 44100)).astype(np.float32)
blocks = (second for _ in range(int(sys.argv[2])))
samples = sum(stems.shape[-1] for stems in separate_blocks(blocks, separator, 44100))
assert samples == 44100 * int(sys.argv[2])
print(peak_bytes() >> 20)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_a_track(tmp_path: Path) -> None:
    save_model(tmp_path, "tiny", **TINY)
    peaks_mib = []
    for length_s in (20, 600):
        asked = subprocess.run(
            [sys.executable, "-c", RUN, str(tmp_path), str(length_s)],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks_mib.append(int(asked.stdout))
    # Ten minutes as stereo float32 are 202 MiB, and four times that as stems.
    assert peaks_mib[1] < peaks_mib[0] + 40
