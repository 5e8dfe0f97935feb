"""One small workspace and its dataset, made once by the functions themselves."""

from pathlib import Path

import pytest

import leitmotif
from leitmotif.demo.corpus import render_corpus

SETTINGS = {"motion.threshold": 0.0}


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good clips, and a file that is none."""
    folder = tmp_path_factory.mktemp("api") / "videos"
    render_corpus(folder, clips=2, seed=3, duration_s=4.0, size=(160, 90))
    (folder / "broken.mp4").write_text("no video")
    return folder


@pytest.fixture(scope="session")
def workspace(videos: Path) -> leitmotif.Workspace:
    """What became of them: one is kept, one rejected, one quarantined."""
    return leitmotif.curate(videos, videos.parent / "work", set=SETTINGS, progress=False)


@pytest.fixture(scope="session")
def dataset(workspace: leitmotif.Workspace) -> leitmotif.Dataset:
    """The dataset of them."""
    return leitmotif.publish(workspace, workspace.path.parent / "dataset", progress=False)
