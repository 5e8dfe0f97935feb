"""A workspace that is filled by hand: no media, no models, only rows in stores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leitmotif.pipelines.catalog import enter
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Stores, Workspace

Row = dict[str, Any]

# Numbers of a clip that passes every rule of the recipe music-video.
GOOD: dict[str, Row] = {
    "probe": {"duration_s": 20.0, "has_video": 1, "has_audio": 1, "width": 640, "height": 360, "fps": 25.0},
    "motion": {"mean": 0.1},
    "frames": {"file": "f.zip", "size_bytes": 10, "count": 10},
    "overlay-text": {"text_share": 0.0, "new_text_share": 0.0},
    "audio": {"file": "a.flac", "size_bytes": 10, "audio_s": 20.0, "level_db": -20.0, "peak": 0.5},
    "events": {"speech": 0.0, "singing": 0.0, "music": 1.0, "voice": 0.0},
    "separation": {"file": "a.flac", "size_bytes": 10},
    "tagging": {"scores": [0.5], "clap_embedding": [1.0], "windows": [[1.0]]},
    "rhythm": {"beat_confidence": 0.9, "tempo_bpm": 120.0, "tempo_class": "fast", "key": "C major"},
    "vocals": {"vocal_score": 0.0},
    "quality": {"pam_score": 0.99},
    "fingerprint": {"audio_print": b""},
    "vision": {"clip_embedding": [1.0]},
    "caption": {"caption": "Music.", "caption_backend": "grammar", "caption_prompt": "grammar-sentence-v1"},
}


@pytest.fixture
def plan() -> Plan:
    return make_plan("music-video", "embedded")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def catalogue(tmp_path: Path, workspace: Workspace) -> Callable[..., list[str]]:
    """Write files with the given contents, enter them, and return their ids by name."""

    def catalogue(**contents: str) -> list[str]:
        from leitmotif.collection.folder import find_media

        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for name, text in contents.items():
            (source / f"{name}.mp4").write_text(text)
        enter(workspace.catalog(), find_media([source]))
        rows = workspace.catalog().read(["media_id", "source_id"]).to_pylist()
        return [row["media_id"] for row in sorted(rows, key=lambda row: row["source_id"])]

    return catalogue


@pytest.fixture
def measure(workspace: Workspace, plan: Plan) -> Callable[..., Stores]:
    """Store good numbers for clips at every stage, but for what is said otherwise."""

    def measure(ids: list[str], using: Plan = plan, /, **other: dict[str, Row | None]) -> Stores:
        stores = workspace.stores(using)
        for name in stores.stages:
            known = {field.name for field in stores.stages[name].COLUMNS}
            rows = []
            for clip_id in ids:
                row = other.get(name, {}).get(clip_id, {})
                if row is None:
                    continue
                good = {} if "error" in row else {key: GOOD[name][key] for key in known & set(GOOD[name])}
                rows.append({"clip_id": clip_id, **good, **row})
            if rows:
                stores.store(name).append(rows)
        return stores

    return measure
