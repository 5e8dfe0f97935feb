"""A long file is streamed: what a run needs does not grow with its length."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

RUN = """
import sys
from pathlib import Path
from bench.peak_memory import ChildrenWatch, peak_bytes
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
plan = make_plan(sys.argv[3], "embedded", ["too-long.threshold=100000"])
with ChildrenWatch() as decoder:
    summary = curate([Path(sys.argv[1])], Workspace(Path(sys.argv[2])), plan, measure_all=True)
assert summary.quarantined == 0, summary
print(peak_bytes() >> 20, decoder.peak_bytes >> 20)
"""


def write_long_video(path: Path, length_s: float) -> None:
    """Write a small moving picture at one frame a second, with a quiet changing tone."""
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 255, (36, 64 * 8, 3), np.uint8)
    time_s = np.arange(44100) / 44100
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        picture.width, picture.height = 64, 36
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=44100, layout="mono")
        for second in range(int(length_s)):
            shift = second * 13 % (64 * 7)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(scene[:, shift : shift + 64]))
            frame.pts, frame.time_base = second, Fraction(1, 1)
            container.mux(picture.encode(frame))
            tone = np.sin(2 * np.pi * (200 + second % 37 * 10) * time_s) * np.exp(-4 * (time_s % 0.5))
            samples = (tone * 0.3).astype(np.float32)[None]
            chunk = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            chunk.sample_rate, chunk.pts, chunk.time_base = 44100, second * 44100, Fraction(1, 44100)
            container.mux(sound.encode(chunk))
        container.mux(picture.encode())
        container.mux(sound.encode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "short_s", "long_s"), [("music-track", 180, 10800), ("music-video", 120, 1500)]
)
def test_peak_memory_does_not_grow_with_the_length(
    tmp_path: Path, recipe: str, short_s: float, long_s: float
) -> None:
    peaks = []
    for length_s in (short_s, long_s):
        source = tmp_path / f"{length_s:g}"
        source.mkdir()
        write_long_video(source / "a.mp4", length_s)
        command = [sys.executable, "-c", RUN, str(source), str(tmp_path / f"ws-{length_s:g}"), recipe]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append([int(number) for number in done.stdout.split()])
    (short_run, short_decoder), (long_run, long_decoder) = peaks
    assert min(peaks[0]) > 0, peaks
    assert long_run < short_run + 150, peaks
    assert long_decoder < short_decoder + 150, peaks
