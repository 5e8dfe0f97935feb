"""The stage `frames`: pictures of the shots that the stage `motion` found, where it did."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from leitmotif.filters.motion import measure_motion
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages.frames import FramesStage, unpack_frames
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.shards.frame_names import frame_time_s
from tests.media.media_clips import write_video

LENGTHS = (60, 20, 90)


class Here:
    """Decodes in this process."""

    def run(self, function: Callable[..., Any], *arguments: Any, limit_s: float, **options: Any) -> Any:
        return function(*arguments, **options)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Three pictures, each for a while."""
    pictures = [np.random.default_rng(seed).integers(0, 255, (54, 96)).astype(np.uint8) for seed in range(3)]
    frames = [picture for picture, count in zip(pictures, LENGTHS, strict=True) for _ in range(count)]
    return write_video(tmp_path / "film.mp4", frames)


def _frames(film: Path, inputs: dict[str, Any], count: int) -> dict[str, Any]:
    stage = FramesStage(make_plan("music-video", "embedded", [f"frames.count={count}"]))
    folder = film.parent
    stage.open(StageContext(folder, folder / "files", folder / "scratch", Here()))  # type: ignore[arg-type]
    return stage.measure_clip(Clip("clip", film, inputs=inputs))


def test_key_frames_are_of_the_longest_shots_and_their_times_stand_in_the_row(film: Path) -> None:
    motion = asdict(measure_motion(film))
    assert motion["shots"] == 3 and motion["cuts_per_minute"] == pytest.approx(2 * 60 / 6.76)
    row = _frames(film, {"motion": motion}, 2)
    first, second = row["frame_times_s"]
    assert 0 <= first < 2.4 and 3.2 <= second < 6.8
    names = [name for name, _ in unpack_frames(film.parent / row["file"])]
    assert [frame_time_s(name) for name in names] == pytest.approx([first, second], abs=6e-4)


@pytest.mark.parametrize("motion", [None, {"shot_starts_s": None, "shot_ends_s": None}])
def test_without_shots_key_frames_are_evenly_spread(film: Path, motion: dict[str, Any] | None) -> None:
    row = _frames(film, {"motion": motion} if motion else {}, 2)
    assert row["frame_times_s"] == pytest.approx([0.85, 4.25], abs=0.45)


def test_a_sampled_film_has_no_shots(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    frames = [noise.integers(0, 255, (18, 32)).astype(np.uint8) for _ in range(1200)]
    motion = measure_motion(write_video(tmp_path / "long.mp4", frames), mode="sampled")
    assert not motion.exact and motion.shots is motion.cuts_per_minute is motion.shot_starts_s is None


def test_frames_read_motion_where_the_recipe_names_it_before(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work")
    assert Stores(workspace, make_plan("music-video", "embedded")).reads("frames") == ["probe", "motion"]
    stages = ["probe", "frames", "motion", "audio", "tagging"]
    for left in (stages, [name for name in stages if name != "motion"]):
        recipe = tmp_path / "mine.yaml"
        recipe.write_text(yaml.safe_dump({"stages": left, "track": "audio", "rules": []}))
        stores = Stores(workspace, make_plan(str(recipe), "embedded"))
        assert stores.reads("frames") == ["probe"] and stores.fingerprints["frames"]
