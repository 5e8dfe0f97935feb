"""The stage `overlay-text` and the rule `lyrics`, on the films that the demo renders."""

from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa
import pytest

from leitmotif.demo.pictures.render import render_pictures
from leitmotif.filters.lyrics import RULES
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages.frames import pack_frames
from leitmotif.pipelines.stages.overlay_text import OverlayTextStage


def _measured(place: Path, kind: str | None, seed: int = 1, *settings: str) -> Any:
    """Measure eight frames of a rendered film of 16 s; none without a kind."""
    frames = [*render_pictures(kind, seed, duration_s=16.0, fps=0.5, size=(480, 270))] if kind else []
    encoded = [cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes() for frame in frames]
    (place / "frames.zip").write_bytes(pack_frames(encoded, range(len(encoded))))
    stage = OverlayTextStage(make_plan("music-video", "embedded", settings))
    stage.open(StageContext(place, place / "files", place / "scratch", SandboxedWorker()))
    (row,) = stage.measure([Clip("clip", Path("film.mp4"), inputs={"frames": {"file": "frames.zip"}})])
    return row


def _passes(row: dict[str, float | None]) -> bool:
    judged = RULES[0].judge([], lambda name: pa.array([row[name]], pa.float32()))
    return bool(RULES[0].passes(judged.numbers)[0].as_py())


def test_without_weights_nothing_is_measured_and_every_clip_passes(tmp_path: Path) -> None:
    plan = make_plan("music-video", "embedded")
    assert plan.stages["overlay-text"]["backend"] == "none" and plan.stand_ins["overlay-text"] == "ppocr"
    assert OverlayTextStage(plan).model() is None
    row = _measured(tmp_path, "film-lyrics")
    assert set(row.values()) == {None} and _passes(row)


@pytest.mark.parametrize("seed", [1, 2])
def test_lyrics_over_a_film_are_rejected(tmp_path: Path, fetched_models: Path, seed: int) -> None:
    row = _measured(tmp_path, "film-lyrics", seed)
    assert row["text_share"] >= 0.6 and not _passes(row), row


@pytest.mark.parametrize("kind", ["dancers", "city"])
def test_films_without_text_are_kept(tmp_path: Path, fetched_models: Path, kind: str) -> None:
    row = _measured(tmp_path, kind)
    assert row["text_share"] < 0.3 and _passes(row), row


def test_a_clip_without_frames_is_an_error_of_its_own(tmp_path: Path, fetched_models: Path) -> None:
    row = _measured(tmp_path, None)
    assert isinstance(row, ValueError) and "without a frame" in str(row)
