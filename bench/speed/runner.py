"""What the flow costs over the bare stages: the same 200 clips, each side in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.figure import figure

CLIPS, SECONDS, PAIRS = 200, 10.0, 5


def figures() -> Iterator[dict[str, Any]]:
    """Yield `runner/stages`: seconds of `leitmotif curate` over those of the stages in a plain loop."""
    from leitmotif.demo.corpus import render_corpus

    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        videos = Path(folder) / "videos"
        render_corpus(videos, clips=CLIPS, seed=1, duration_s=SECONDS, size=(320, 180), workers=2)
        ratios = []
        for number in range(PAIRS):
            sides = [_seconds(side, videos, Path(folder) / f"{side}-{number}") for side in ("flow", "bare")]
            ratios.append(sides[0] / sides[1])
    yield figure(
        "runner/stages",
        ratios,
        unit="x cost",
        against=f"the same stages over the same {CLIPS} clips of {SECONDS:g} s in a plain loop",
        target="<= 1.05",
    )


def _seconds(side: str, videos: Path, workspace: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bench.speed.runner", side, str(videos), str(workspace)], check=True
    )
    return time.perf_counter() - started


def run_flow(videos: Path, workspace: Path) -> None:
    """Curate as a user does, every clip through every stage."""
    from leitmotif.cli.main import main

    main(["curate", str(videos), "--out", str(workspace), "--measure-all"])


def run_bare(videos: Path, workspace: Path) -> None:
    """Call every stage on every clip, with nothing around: no store, no ledger, no flow."""
    from threadpoolctl import threadpool_limits

    from leitmotif.media.sandbox import SandboxedWorker
    from leitmotif.pipelines.settings import make_plan
    from leitmotif.pipelines.stage import Clip, StageContext
    from leitmotif.pipelines.workspace import Workspace
    from leitmotif.shards.clip_ids import hash_media

    threadpool_limits(limits=1)
    stores = Workspace(workspace).stores(make_plan("music-video", "embedded"))
    clips = {}
    for path in sorted(videos.glob("*.m*")):
        clips.setdefault(media_id := hash_media(path), Clip(media_id, path))
    with SandboxedWorker() as decoder:
        for name, stage in stores.stages.items():
            stage.open(StageContext(workspace, workspace / name, workspace / "scratch", decoder))
            rows = zip(list(clips), stage.measure(list(clips.values())), strict=True)
            measured = {clip_id: row for clip_id, row in rows if not isinstance(row, Exception)}
            clips = {
                clip_id: replace(clips[clip_id], inputs={**clips[clip_id].inputs, name: row})
                for clip_id, row in measured.items()
            }


if __name__ == "__main__":
    {"flow": run_flow, "bare": run_bare}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
