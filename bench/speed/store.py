"""What the checks of stores and media files cost, against f9cc51a, which had none.

That commit's tree is taken from git and run by the same interpreter. Each build fills a workspace of its own
with the same rows and media, then both publish it, or run over it again and compute nothing, in turn in own
processes. Seconds are those of the CPU.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figure import figure

HERE = Path(__file__).parents[2]
COMMIT = "f9cc51a"
PAIRS = 9
CHILD = Path(__file__).with_name("store_child.py")


def compare(name: str, job: str, fill: str, clips: int, *, target: str, what: str) -> dict[str, Any]:
    """Return the figure of a job: our seconds of CPU over those of that commit.

    Args:
        name: Name of the figure.
        job: `publish` or `curate`.
        fill: What the workspace is filled with: `fill-files` or `fill-rows`.
        clips: How many clips it has.
        target: What is aimed at.
        what: The job in words.
    """
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        before = Path(folder) / COMMIT
        archive = subprocess.run(["git", "archive", COMMIT], cwd=HERE, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
            tree.extractall(before, filter="data")
        # It asks for its version by this name.
        (before / "leitmotif-0.dist-info").mkdir()
        (before / "leitmotif-0.dist-info" / "METADATA").write_text("Name: leitmotif\nVersion: 0\n")
        runs = list(_pairs(before, Path(folder), job, fill, clips))
    return figure(
        f"{name}/{COMMIT}",
        runs,
        unit="x cost",
        against=f"CPU of that commit's build, without checks, for {what} {clips} clips",
        target=target,
    )


def _pairs(before: Path, folder: Path, job: str, fill: str, clips: int) -> Iterator[float]:
    """Yield our seconds of CPU over those of the other build, each first in turn."""
    sides = {"": before, "leitmotif.": HERE}
    places = {prefix: folder / f"{job}-{prefix or COMMIT}" for prefix in sides}
    for prefix, tree in sides.items():
        _run(tree, prefix, fill, places[prefix], clips)
    for number in range(PAIRS + 1):
        order = list(sides.items())[:: -1 if number % 2 else 1]
        found = {prefix: _run(tree, prefix, job, places[prefix], clips) for prefix, tree in order}
        (old_s, *old), (new_s, *new) = found[""], found["leitmotif."]
        if old != new or old[1]:
            raise RuntimeError(f"{job}: the two builds kept and computed {old} and {new} clips")
        if number:  # the first pair fills caches
            yield new_s / old_s


def _run(tree: Path, prefix: str, job: str, place: Path, clips: int) -> list[float]:
    words = [sys.executable, "-P", str(CHILD), prefix, job, str(place), str(clips)]
    # Of a build whose rooms lie on the path; ours is installed.
    path = {} if prefix else {"PYTHONPATH": str(tree)}
    asked = subprocess.run(words, cwd=tree, env=os.environ | path, check=True, capture_output=True, text=True)
    return [float(word) for word in asked.stdout.split()[-3:]]
