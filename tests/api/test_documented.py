"""Every example in Python that a page or a data card prints runs, in order, on the demo's videos."""

import shutil
from pathlib import Path

import datasets
import numpy as np
import pytest
import soundfile

import leitmotif
from tests.pages import PAGES, REPOSITORY, Fence, fences


def run(examples: list[Fence], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what is not marked, in one namespace and in a folder; the rest must at least compile."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
    namespace: dict[str, object] = {}
    for example in examples:
        code = compile(example.text.replace("PATH/TO/THIS/FOLDER", "my-dataset"), "example", "exec")
        if example.reason is None:
            exec(code, namespace)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/python.md"])
def test_every_example_of_a_page_runs(
    page: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = [fence for fence in fences(REPOSITORY / page) if fence.is_python]
    if any("my-dataset" in example.text for example in examples):
        (tmp_path / "my-videos").symlink_to(request.getfixturevalue("videos"))
        shutil.copytree(request.getfixturevalue("workspace").path, tmp_path / "work")
        shutil.copytree(request.getfixturevalue("dataset").path, tmp_path / "my-dataset")
    if any("song.mp3" in example.text for example in examples):
        soundfile.write(
            tmp_path / "song.mp3", 0.1 * np.random.default_rng(0).normal(size=(3 * 44100, 2)), 44100
        )
    run(examples, tmp_path, monkeypatch)


def test_every_example_about_python_runs(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "videos").symlink_to(videos)
    examples = [fence for fence in fences(REPOSITORY / "docs" / "python.md") if fence.is_python]
    assert len(examples) >= 8
    run(examples, tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert "did you mean motion.threshold" in said
    assert "'catalogued': 3" in said


def test_every_example_of_a_data_card_runs(
    dataset: leitmotif.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-dataset").symlink_to(dataset.path)
    examples = [fence for fence in fences(dataset.path / "README.md") if fence.is_python]
    assert len(examples) == 2
    run(examples, tmp_path, monkeypatch)


def test_examples_that_are_not_run_are_few_and_python_is_called_so() -> None:
    examples = [fence for page in PAGES for fence in fences(REPOSITORY / page) if fence.is_python]
    assert all(example.language == "python" for example in examples)
    assert sum(example.reason is not None for example in examples) <= len(examples) // 4
