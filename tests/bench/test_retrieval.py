"""Retrieval judged by the truth of films."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.quality.retrieval import main, share_alike
from bench.speed.retrieval import brute_force, draw, draw_themes
from leitmotif.retrieval.build import build
from leitmotif.retrieval.vectors import NumpyIndex
from leitmotif.shards.dataset import Dataset
from tests.retrieval.known_rows import a_row, write_dataset


def test_what_is_alike_is_counted_of_those_that_have_the_thing() -> None:
    truths = ["rock", "jazz", "rock", None]
    found = [[2, 1], [0, 2], [0], [1]]
    assert share_alike(found, truths, lambda truth: truth) == pytest.approx(np.mean([0.5, 0.0, 1.0]))


def test_a_search_of_the_benchmark_finds_what_brute_force_finds() -> None:
    rng = np.random.default_rng(0)
    themes = draw_themes(rng)
    vectors, queries = draw(themes, 3000, rng), draw(themes, 5, rng)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for query in queries:
        assert (
            NumpyIndex(vectors).search(query[None], 10)[1][0].tolist() == brute_force(vectors, query).tolist()
        )


def test_the_shares_are_told_beside_chance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    sounds, pictures = rng.normal(size=(8, 128)), rng.normal(size=(8, 64))
    for vectors in (sounds, pictures):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, truths = [], []
    for number in range(8):
        genre, tempo_bpm = ("rock", "jazz")[number % 2], (70.0, 130.0)[number % 2]
        rows.append(
            a_row(
                number,
                source_id=f"clip-{number}.mp4",
                clap_embedding=sounds[number],
                clip_embedding=pictures[number],
                genres=[{"tag": genre, "score": 0.9}],
                tempo_bpm=tempo_bpm,
                tempo_class="slow" if tempo_bpm < 90 else "fast",
            )
        )
        known = {"genre": genre, "tempo_bpm": tempo_bpm, "moods": ["calm"], "valence": 0.5, "arousal": -0.5}
        truths.append(json.dumps({"file": f"clip-{number}.mp4", **known}))
    (tmp_path / "truth.jsonl").write_text("\n".join(truths) + "\n")
    dataset = Dataset(write_dataset(tmp_path / "ds", rows, dims=(128, 64)))
    build(dataset)
    main([str(dataset.path), str(tmp_path)])
    said = capsys.readouterr().out
    assert "| chance | 1.00 | 0.43 | 0.43 |" in said
    assert "| tempo | 1.00 | 0.50 | 8 |" in said
    assert "| genre | 1.00 | 0.50 | 8 |" in said
