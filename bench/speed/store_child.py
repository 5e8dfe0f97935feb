"""Fill a workspace by whatever build is asked for, publish it or run over it again, and print what that took.

Run by `bench.speed.store` as `store_child.py PREFIX JOB FOLDER CLIPS`; PREFIX is "leitmotif." of a build
whose rooms are imported so, and nothing of one whose rooms lie on the path. Prints seconds of CPU, and how
many clips were kept and computed.
"""

from __future__ import annotations

import importlib
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

# Sound and pictures of a clip of ten seconds, in bytes.
SOUND_BYTES, FRAMES_BYTES = 1_000_000, 300_000
NUMBERS = {
    **{"duration_s": 10.0, "has_video": 1, "has_audio": 1, "width": 640, "height": 360, "fps": 25.0},
    **{"mean": 0.1, "audio_s": 10.0, "level_db": -20.0, "peak": 0.5, "count": 10, "tempo_bpm": 120.0},
    **{"key": "C major", "tempo_class": "fast", "vocal_score": 0.0, "pam_score": 0.99, "audio_print": b""},
    **{"caption": "Music.", "caption_backend": "grammar", "caption_prompt": "grammar-v1"},
}
prefix, job, folder, clips = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])


def of(*names: str) -> Any:
    """Return what either build calls by one of these names."""
    for name in names:
        module, _, attribute = name.rpartition(".")
        try:
            return getattr(importlib.import_module(prefix + module), attribute)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of {names} is there")


plan = of("pipelines.settings.make_plan", "pipelines.plan.make_plan")("music-video", "embedded")
workspace, source = of("pipelines.workspace.Workspace")(folder / "ws"), folder / "source"
rng = np.random.default_rng(0)


def fill(*, with_files: bool) -> None:
    """Catalogue tiny files, and store numbers for them at every stage, in parts of the usual size."""
    source.mkdir(parents=True)
    for number in range(clips):
        (source / f"{number:06d}.mp4").write_text(str(number))
    of("pipelines.catalog.enter")(workspace.catalog(), of("collection.folder.find_media")([source]))
    ids = sorted(workspace.catalog().read(["media_id"])["media_id"].to_pylist())
    stores = workspace.stores(plan)
    workspace.save_plan(plan)
    for name, stage in stores.stages.items():
        rows = [dict(row(name, clip, set(stage.COLUMNS.names), with_files=with_files)) for clip in ids]
        for start in range(0, len(rows), stage.BATCH):
            stores.store(name).append(rows[start : start + stage.BATCH])


def row(name: str, clip: str, columns: set[str], *, with_files: bool) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a clip that passes every rule."""
    yield "clip_id", clip
    yield from ((column, value) for column, value in NUMBERS.items() if column in columns)
    if "file" in columns:
        yield from (media(name, clip) if with_files and name != "audio" else {"file": "none"}).items()
    if name == "tagging":
        found = unit_vector()
        tags = len(of("taxonomy.labels.load")().all_tags())
        yield from {"scores": rng.random(tags) / 2, "clap_embedding": found, "windows": [found]}.items()
    if name == "vision":
        yield "clip_embedding", unit_vector()


def unit_vector() -> np.ndarray:
    found = rng.standard_normal(512).astype(np.float32)
    return found / np.linalg.norm(found)


def media(name: str, clip: str) -> dict[str, Any]:
    """Write a media file of random bytes, and return what its row says of it."""
    place = workspace.stores(plan).store(name).folder / "files"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{clip}.{'zip' if name == 'frames' else 'flac'}"
    if name == "frames":
        with zipfile.ZipFile(path, "w") as pack:
            for number in range(10):
                pack.writestr(zipfile.ZipInfo(f"{number:02d}.jpg"), rng.bytes(FRAMES_BYTES // 10))
    else:
        path.write_bytes(b"fLaC" + rng.bytes(SOUND_BYTES))
    if prefix:
        found: dict[str, Any] = of("pipelines.media_files.describe_file")(workspace.root, path)
        return found
    return {"file": path.relative_to(workspace.root).as_posix(), "size_bytes": path.stat().st_size}


if job.startswith("fill"):
    fill(with_files=job == "fill-files")
else:
    work = of(f"pipelines.{job}.{job}")
    # Models are looked for, and their libraries imported, before the clock runs.
    getattr(workspace, "resolve", workspace.stores)(plan)
    before_s = time.process_time()
    done = work([source], workspace, plan) if job == "curate" else work(workspace, folder / "ds", plan)
    print(time.process_time() - before_s, done.kept, sum(getattr(done, "computed", {}).values()))
