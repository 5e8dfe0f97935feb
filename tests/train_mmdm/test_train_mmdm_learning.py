"""The preset `tiny` learns mood and tempo from pictures: judged on films that it has never seen."""

from pathlib import Path

import pytest
import torch
from rendered_clips import Truth, draw_truth, render_dataset, render_film

from demo.moods import MOODS
from media.limited import LimitedWorker
from train_mmdm.answer import Answer
from train_mmdm.describe import Describer, decoding_of
from train_mmdm.inputs import read_input
from train_mmdm.run import open_run
from train_mmdm.settings import choose_settings
from train_mmdm.trainer import train

TRAIN, VALIDATION, FILMS = 500, 40, 150
FIRST_FILM = 500_000  # a seed that no training clip has
MINUTES = 15


def quadrant(valence: float, arousal: float) -> tuple[bool, bool]:
    return valence >= 0, arousal >= 0


def named_quadrant(answer: Answer) -> tuple[bool, bool] | None:
    points = [MOODS[mood] for mood in answer.moods if mood in MOODS]
    if not points:
        return None
    return quadrant(sum(v for v, _ in points), sum(a for _, a in points))


def share(found: list[bool]) -> float:
    return sum(found) / len(found)


def judge(answers: list[Answer], truths: list[Truth]) -> dict[str, float]:
    pairs = list(zip(answers, truths, strict=True))
    return {
        "quadrant": share([named_quadrant(a) == quadrant(t.valence, t.arousal) for a, t in pairs]),
        "first mood": share([a.moods[:1] == t.moods[:1] for a, t in pairs]),
        "tempo": share([a.tempo == t.tempo for a, t in pairs]),
        "genre": share([a.genres == (t.genre,) for a, t in pairs]),
    }


@pytest.mark.slow
def test_tiny_names_mood_and_tempo_of_films_it_has_never_seen(tmp_path: Path) -> None:
    dataset, run = tmp_path / "dataset", tmp_path / "run"
    render_dataset(dataset, {"train": TRAIN, "validation": VALIDATION})
    seeds = range(FIRST_FILM, FIRST_FILM + FILMS)
    truths = [draw_truth(seed) for seed in seeds]
    for seed, truth in zip(seeds, truths, strict=True):
        render_film(seed, truth, tmp_path / f"{seed}.mp4")
    former = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        facts = train(dataset, run, choose_settings("tiny"))
        model = open_run(run)
        describer = Describer(model, decoding_of(model.settings, greedy=True), visuals=True)
        answers: list[Answer] = []
        with LimitedWorker() as worker:
            for start in range(0, FILMS, 16):
                shown = [
                    read_input(tmp_path / f"{seed}.mp4", model.settings.frames, worker)
                    for seed in seeds[start : start + 16]
                ]
                answers += describer.describe(shown)
    finally:
        torch.set_num_threads(former)
    found = judge(answers, truths)
    print(facts, found)
    assert facts["seconds"] < MINUTES * 60
    assert found["quadrant"] >= 0.6  # chance is 0.25
    assert found["tempo"] >= 0.55  # chance is 0.33
