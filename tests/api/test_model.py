"""The description model from Python; training itself has tests of its own."""

from pathlib import Path

import pytest

import leitmotif
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.settings import PRESETS
from leitmotif.training.settings import write_settings

pytest.importorskip("accelerate")


@pytest.mark.slow
def test_a_trained_model_describes_videos_and_texts(
    dataset: leitmotif.Dataset, videos: Path, tmp_path: Path
) -> None:
    settings = {"epochs": 1, "min_steps": 2, "tensorboard": False}
    model = leitmotif.train(dataset, tmp_path / "run", set=settings, progress=False)
    assert model.summary["step"] == 2
    again = leitmotif.load_model(tmp_path / "run", greedy=True, max_tokens=8)
    said = again.describe(videos / "clip-0000.mp4")
    assert said == again.describe(str(videos / "clip-0000.mp4"))
    assert isinstance(again.describe(text="Rain over a grey sea.").description, str)
    with pytest.raises(UserError, match="broken"):
        again.describe(videos / "broken.mp4")
    with pytest.raises(UserError, match="give one of them"):
        again.describe()
    with pytest.raises(UserError, match="run"):
        leitmotif.train(dataset, tmp_path / "run", progress=False)


def test_a_wrong_way_of_decoding_is_refused_before_weights_are_asked_for(tmp_path: Path) -> None:
    write_settings(tmp_path, PRESETS["tiny"])
    assert "tiny" in repr(leitmotif.load_model(tmp_path, greedy=True))
    with pytest.raises(UserError, match="top-p 2"):
        leitmotif.load_model(tmp_path, top_p=2)


def test_what_is_no_run_is_one_line(tmp_path: Path, dataset: leitmotif.Dataset) -> None:
    for call in (
        lambda: leitmotif.load_model(tmp_path),
        lambda: leitmotif.train(dataset, tmp_path / "run", preset="huge", progress=False),
        lambda: leitmotif.train(dataset, tmp_path / "run", set={"epoch": 1}, progress=False),
        lambda: leitmotif.train(tmp_path, tmp_path / "run", progress=False),
    ):
        with pytest.raises(UserError) as raised:
            call()
        assert "\n" not in str(raised.value)
