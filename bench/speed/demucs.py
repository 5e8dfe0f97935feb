"""What the separation stage costs over `demucs.api` alone: the same file and true-size random weights."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import demucs.api
import numpy as np
import soundfile
import torch
from demucs.htdemucs import HTDemucs
from demucs.states import get_state
from threadpoolctl import threadpool_limits

from bench.figure import figure, ratios
from leitmotif.media.flac import write_flac
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages.separation import RATE_HZ, SeparationStage

PAIRS, SONG_S, WARM_UP_S = 5, 60.0, 1.0
# htdemucs as published: 42 million weights.
_SETTINGS = {"sources": ["drums", "bass", "other", "vocals"], "bottom_channels": 512, "segment": 7.8}


def figures() -> list[dict[str, Any]]:
    """`demucs/api`: seconds of the stage, from FLAC to FLAC, over those of `demucs.api` to stems."""
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder, threadpool_limits(limits=1):
        root = Path(folder)
        _save_weights(root / "htdemucs.th")
        stage = _open_stage(root)
        api = demucs.api.Separator(model="htdemucs", repo=root, device="cpu", shifts=0)
        warm_up, song = (
            _write_noise(root / f"{length_s:g}.flac", length_s) for length_s in (WARM_UP_S, SONG_S)
        )
        _by_stage(stage, warm_up)
        _by_api(api, warm_up)
        runs = ratios(lambda: _by_api(api, song), lambda: _by_stage(stage, song), PAIRS)
    return [
        figure(
            "demucs/api",
            runs,
            unit="x cost",
            against=f"demucs.api.Separator on the same {SONG_S:g} s at once; shifts=0, one thread",
            target="<= 1.05",
        )
    ]


def _by_stage(stage: SeparationStage, path: Path) -> None:
    (row,) = stage.measure([Clip(path.stem, path, inputs={"audio": {"file": path.name}})])
    if isinstance(row, Exception):
        raise row


def _by_api(api: demucs.api.Separator, path: Path) -> torch.Tensor:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    stems = api.separate_tensor(torch.from_numpy(samples.T), rate_hz)[1]
    return stems["drums"] + stems["bass"] + stems["other"]


def _open_stage(root: Path) -> SeparationStage:
    plan = make_plan("music-video", "embedded", ["separation.backend=demucs", f"separation.repo={root}"])
    stage = SeparationStage(plan)
    stage.open(StageContext(root, root / "files", root / "scratch", SandboxedWorker()))
    return stage


def _save_weights(path: Path) -> None:
    torch.manual_seed(0)
    model = HTDemucs(**_SETTINGS)
    package = {"klass": HTDemucs, "args": (), "kwargs": _SETTINGS, "state": get_state(model, None)}
    torch.save(package, path)


def _write_noise(path: Path, length_s: float) -> Path:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, round(length_s * RATE_HZ)))
    write_flac([noise.astype(np.float32)], path, rate_hz=RATE_HZ)
    return path
