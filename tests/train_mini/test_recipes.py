"""Which clips the recipes of both models train, choose and judge by."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.train_mini import clap_recipe, clip_recipe, corpus
from leitmotif.train_mini.clap_train import TrainingPlan
from leitmotif.train_mini.corpus import FRAMES, MELS
from leitmotif.train_mini.make import parse
from leitmotif.weights.resolve import SHIPPED_DIR


class AllAskedError(Exception):
    """The recipe has asked for all that it renders."""


def stop(*_: object, **__: object) -> None:
    raise AllAskedError


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The seeds of every set that a recipe asks for; nothing is rendered, trained or measured."""
    asked: list[set[int]] = []

    def note_seeds(first: int, count: int, cache_dir: Path, *, workers: int) -> list[Path]:
        asked.append(set(range(first, first + -(-count // corpus.CHUNK) * corpus.CHUNK)))
        return []

    monkeypatch.setattr(clap_recipe, "render_corpus_features", note_seeds)
    monkeypatch.setattr(clap_recipe, "read_corpus", lambda paths: (np.zeros((0, FRAMES, MELS)), []))
    monkeypatch.setattr(clap_recipe, "embed_features", lambda folder, features: features)
    monkeypatch.setattr(clap_recipe, "choose_family_method", stop)
    monkeypatch.setattr(torch.multiprocessing, "spawn", stop)
    monkeypatch.setattr(
        clip_recipe, "render_scenes", lambda *given, **named: (note_seeds(*given, **named), [])
    )
    monkeypatch.setattr(clip_recipe, "ClipTrainer", stop)
    monkeypatch.setattr(clip_recipe.ClipEncoder, "embed_images", stop)
    return asked


def test_clap_mini_is_trained_chosen_and_judged_on_clips_of_its_own(rendered, tmp_path):
    with pytest.raises(AllAskedError):
        clap_recipe.train_clap(tmp_path, tmp_path, clips=parse(["clap"]).clips, plan=TrainingPlan(epochs=1))
    with pytest.raises(AllAskedError):
        clap_recipe.measure_clap(SHIPPED_DIR / "clap-mini", tmp_path, media_dir=None)
    train, held, validation, test = rendered
    assert held == validation
    assert not train & validation and not train & test and not validation & test


def test_clip_mini_is_judged_on_scenes_that_it_was_never_trained_on(rendered, tmp_path):
    with pytest.raises(AllAskedError):
        clip_recipe.train_clip(tmp_path, tmp_path, scenes=parse(["clip"]).scenes, epochs=1)
    with pytest.raises(AllAskedError):
        clip_recipe.measure_clip(SHIPPED_DIR / "clip-mini", tmp_path)
    train, test = rendered
    assert train and test and not train & test
