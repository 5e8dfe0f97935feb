"""The preset `tiny` learns mood and tempo from pictures: judged on films that it has never seen."""

from pathlib import Path

import pytest
import torch

from bench.quality.description import judge, write_texts
from leitmotif.evaluation.clips import Clip
from leitmotif.train_mmdm.run import open_run
from leitmotif.train_mmdm.settings import choose_settings
from leitmotif.train_mmdm.train import train
from tests.training.rendered_clips import draw_truth, render_dataset, render_film

TRAIN, VALIDATION, FILMS = 500, 40, 150
FIRST_FILM = 500_000  # a seed that no training clip has


@pytest.mark.slow
def test_tiny_names_mood_and_tempo_of_films_it_has_never_seen(tmp_path: Path) -> None:
    dataset, run = tmp_path / "dataset", tmp_path / "run"
    render_dataset(dataset, {"train": TRAIN, "validation": VALIDATION})
    films = []
    for seed in range(FIRST_FILM, FIRST_FILM + FILMS):
        truth = draw_truth(seed)
        render_film(seed, truth, tmp_path / f"{seed}.mp4")
        films.append(Clip(f"{seed}.mp4", moods=truth.moods, tempo_class=truth.tempo))
    former = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        facts = train(dataset, run, choose_settings("tiny"))
        texts = write_texts(open_run(run), [tmp_path / film.clip_id for film in films], "tiny")
    finally:
        torch.set_num_threads(former)
    found = judge(texts, films).values["tiny: lists"]
    print(facts, found)
    assert found["mood-quadrant"].value >= 60  # chance is 25
    assert found["tempo-class"].value >= 55  # chance is 33
