"""Optimiser steps a second of the description model `tiny`, against another build of this package.

LEITMOTIF_BEFORE is the interpreter of the other build, such as `…/before/.venv/bin/python`; without it
there is no figure. Both train on the same clips in turn in own processes and must end with one loss. Seconds
are those of the CPU: what else the machine does moves the others by a half.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figure import figure
from bench.speed.loader import write_clips

CLIPS, STEPS, SKIPPED, PAIRS = 64, 24, 4, 5
# The former build called the file and the argument otherwise.
_CHILD = f"""
import sys, time
from pathlib import Path
from leitmotif.train_mmdm.settings import choose_settings
try:
    from leitmotif.train_mmdm.train import train
    told = "on_progress"
except ImportError:
    from leitmotif.train_mmdm.trainer import train
    told = "progress"
times = []
settings = choose_settings("tiny", sys.argv[3:])
facts = train(
    Path(sys.argv[1]),
    Path(sys.argv[2]),
    settings,
    **{{told: lambda *given: times.append(time.process_time())}},
)
print((len(times) - {SKIPPED}) / (times[-1] - times[{SKIPPED - 1}]), facts["loss"])
"""


def figures() -> Iterator[dict[str, Any]]:
    """Yield `mmdm-step`."""
    before = os.environ.get("LEITMOTIF_BEFORE")
    if before is None:
        print(
            "mmdm-step: set LEITMOTIF_BEFORE to the interpreter of the build to compare with", file=sys.stderr
        )
        return
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        dataset = Path(folder) / "dataset"
        write_clips(dataset, Path(folder) / "tars", CLIPS)
        runs = [_pair(Path(folder), dataset, before, number) for number in range(PAIRS)]
    yield figure(
        "mmdm-step",
        runs,
        unit="x speed",
        against=f"`tiny` of a former build, same {CLIPS} clips: steps a second of CPU, one process each",
        target=">= 1.0",
    )


def _pair(folder: Path, dataset: Path, before: str, number: int) -> float:
    """Return our steps a second over those of the other build, each first in turn."""
    sides = [sys.executable, before] if number % 2 else [before, sys.executable]
    found = {side: _train(folder, dataset, side, number) for side in sides}
    (ours, our_loss), (theirs, their_loss) = found[sys.executable], found[before]
    if our_loss != their_loss:
        raise RuntimeError(f"the two builds ended with the losses {our_loss} and {their_loss}")
    return ours / theirs


def _train(folder: Path, dataset: Path, python: str, number: int) -> tuple[float, float]:
    run = folder / f"run-{number}-{Path(python).parents[2].name}"
    changes = (
        "batch=8",
        f"epochs={STEPS * 8 // CLIPS}",
        f"max_epochs={STEPS * 8 // CLIPS}",
        "validation_rows=0",
        "min_steps=0",
        "tensorboard=false",
        "workers=0",
    )
    words = [python, "-c", _CHILD, str(dataset), str(run), *changes]
    asked = subprocess.run(words, check=True, capture_output=True, text=True, cwd=folder)
    speed, loss = asked.stdout.split()[-2:]
    return float(speed), float(loss)
