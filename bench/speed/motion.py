"""Speed of the motion rules against decoding alone, a naive loop, dense optical flow, and each other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from bench.figure import figure, ratios, wall_seconds
from leitmotif.demo.pictures.render import render_pictures
from leitmotif.filters.motion import RULES, Motion, measure_motion
from leitmotif.media.video_decoder import VideoDecoder

REPOSITORY = Path(__file__).resolve().parents[2]
PAIRS = 5
# Film-like clips of the media folder, 10 to 15 s each, of four sizes.
_REAL = (
    "v-iashin_SpecVQGAN/-Qowmc0P9ic_34000_44000.mp4",
    "hkchengrex_MMAudio/0B4dYTMsgHA_000130.mp4",
    "chouliuzuo_GVMGen/21.mp4",
    "DAMO-NLP-SG_Video-LLaMA/skateboarding_dog.mp4",
)
_LONG_S = 240.0
# data-juicer's video_motion_score_filter with its defaults: two frames a second, full size, a seek to each.
_FLOW_FPS = 2.0
_FLOW = {
    "pyr_scale": 0.5,
    "levels": 3,
    "winsize": 15,
    "iterations": 3,
    "poly_n": 5,
    "poly_sigma": 1.2,
    "flags": 0,
}


def figures() -> list[dict[str, Any]]:
    """Measure the four figures of the group "motion"."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        clips = _clips(Path(folder))
        long = _long_film(Path(folder) / "long.mp4")
        return [
            _figure(
                "motion-exact/decode",
                "PyAV decoding alone, one thread, same files",
                ">= 0.85",
                lambda: [measure_motion(clip) for clip in clips],
                lambda: [_decode(clip) for clip in clips],
            ),
            _figure(
                "motion-exact/naive",
                "cv2.VideoCapture, grey, absdiff and mean of every frame; both with 2 processes",
                ">= 1.5",
                lambda: _two_processes("exact", clips),
                lambda: _two_processes("naive", clips),
            ),
            _figure(
                "motion-exact/farneback",
                "Farneback flow at 2 frames a second, full size, seeking (data-juicer's default); one thread",
                ">= 10",
                lambda: [measure_motion(clip) for clip in clips],
                lambda: [_farneback(clip) for clip in clips],
            ),
            _sampled_figure(long),
        ]


def _figure(
    name: str, against: str, target: str, ours: Callable[[], object], theirs: Callable[[], object]
) -> dict[str, Any]:
    """Speed of `ours` over `theirs`: the median of interleaved pairs after one warm-up."""
    ours()
    runs = ratios(ours, theirs, PAIRS, seconds=_seconds)
    return figure(
        name,
        runs,
        unit="times as fast",
        against=against,
        target=target,
    )


def _sampled_figure(path: Path) -> dict[str, Any]:
    figure = _figure(
        "motion-sampled/exact",
        "the exact mode on a 4-minute film, same decisions",
        ">= 8",
        lambda: measure_motion(path, mode="sampled"),
        lambda: measure_motion(path),
    )
    exact, sampled = measure_motion(path), measure_motion(path, mode="sampled")
    if _decisions(exact) != _decisions(sampled):
        raise RuntimeError(f"the modes decide differently: {exact} against {sampled}; lower the sampling")
    return figure


def _decisions(motion: Motion) -> list[bool]:
    values = [getattr(motion, rule.column) for rule in RULES]
    return [
        value >= rule.threshold if rule.keep == "at least" else value <= rule.threshold
        for rule, value in zip(RULES, values, strict=True)
    ]


def _seconds(run: Callable[[], object]) -> float:
    """How long a call takes; one that times itself returns its seconds."""
    own: list[object] = []
    took_s = wall_seconds(lambda: own.append(run()))
    return own[0] if isinstance(own[0], float) else took_s


def _decode(path: Path) -> int:
    """Decode every frame and look at none."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        return sum(1 for _ in container.decode(stream))


def naive(path: Path) -> float:
    """Run the loop that people write first."""
    capture = cv2.VideoCapture(str(path))
    differences, before = [], None
    while True:
        read, frame = capture.read()
        if not read:
            break
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        if before is not None:
            differences.append(float(np.mean(cv2.absdiff(grey, before))) / 255)
        before = grey
    capture.release()
    return float(np.mean(differences)) if differences else 0.0


def _farneback(path: Path) -> float:
    """Mean length of the flow vectors between frames half a second apart, as data-juicer scores motion."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    step = max(round(capture.get(cv2.CAP_PROP_FPS) / _FLOW_FPS), 1)
    scores, before, index = [], None, 0
    while True:
        read, frame = capture.read()
        if not read:
            break
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        if before is not None:
            flow = cv2.calcOpticalFlowFarneback(before, grey, None, **_FLOW)
            scores.append(float(np.mean(cv2.cartToPolar(flow[..., 0], flow[..., 1])[0])))
        before = grey
        index += step
        capture.set(cv2.CAP_PROP_POS_FRAMES, index)
    capture.release()
    return float(np.mean(scores)) if scores else 0.0


def _two_processes(which: str, clips: list[Path]) -> float:
    """Two processes measure half of the clips each, thrice; seconds of the slower, without imports."""
    code = (
        "import sys, time; from pathlib import Path; import cv2; cv2.setNumThreads(1)\n"
        "from bench.speed.motion import naive\nfrom leitmotif.filters.motion import measure_motion\n"
        "run = naive if sys.argv[1] == 'naive' else measure_motion\n"
        "start = time.perf_counter()\n"
        "[run(Path(path)) for _ in range(3) for path in sys.argv[2:]]\n"
        "print(time.perf_counter() - start)\n"
    )
    halves = (clips[0::2], clips[1::2])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, which, *map(str, half)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for half in halves
    ]
    printed = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError(f"a process that measured {which!r} failed; see above")
    return max(float(text) for text in printed)


def _clips(folder: Path) -> list[Path]:
    """Real clips where the media folder is there, else rendered ones."""
    media = Path(os.environ.get("LEITMOTIF_MEDIA", REPOSITORY.parent / "shared" / "media"))
    real = [media / name for name in _REAL]
    if all(path.is_file() for path in real):
        return real
    kinds = ("city", "dancers", "landscape", "performance")
    return [
        _write(folder / f"{kind}.mp4", render_pictures(kind, seed, duration_s=10.0, size=(640, 360)))
        for seed, kind in enumerate(kinds)
    ]


def _long_film(path: Path) -> Path:
    """Four minutes of dancing: ten seconds rendered once and encoded 24 times."""
    frames = list(render_pictures("dancers", 3, duration_s=10.0, size=(640, 360), arousal=0.3))
    count = round(_LONG_S / 10.0)
    return _write(path, (frame for _ in range(count) for frame in frames))


def _write(path: Path, frames: Iterator[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = None
        for picture in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "24"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    with VideoDecoder(path) as reader:
        if not reader.extent_s:
            raise RuntimeError(f"{path.name} was not written; check the space in the temporary folder")
    return path
