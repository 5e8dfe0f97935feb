"""Runs judged by the truth of rendered films."""

import json
import re
from pathlib import Path

import pytest

from bench.quality.description import COMMONEST, commonest, judge, main, read_truth
from leitmotif.demo.corpus import render_corpus
from leitmotif.storage.errors import UserError
from tests.train_mmdm.untrained_runs import write_run


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    render_corpus(folder, clips=12, duration_s=1.0, size=(96, 64), fps=5.0)
    return folder


def test_films_that_move_are_judged_once_each(corpus: Path) -> None:
    rows = [json.loads(line) for line in (corpus / "truth.jsonl").read_text().splitlines()]
    clips = read_truth(corpus)
    left_out = {
        row["file"] for row in rows if not row["moving"] or row["broken"] or row["duplicate_of"] is not None
    }
    assert {clip.clip_id for clip in clips} == {row["file"] for row in rows} - left_out and len(clips) >= 4
    assert all(clip.moods for clip in clips)


def test_what_is_right_and_what_is_wrong_is_counted(corpus: Path) -> None:
    clips = read_truth(corpus)
    right = [f"{' and '.join(clip.moods)}, Tempo: {clip.tempo_class}." for clip in clips]
    wrong_tempo = {"slow": "fast", "medium": "slow", "fast": "medium"}
    wrong = [f"A piece. Tempo: {wrong_tempo.get(clip.tempo_class or '')}." for clip in clips]
    values = judge({"right": right, "wrong": wrong}, clips).values
    for metric in ("mood-quadrant", "tempo-class"):
        assert (values["right"][metric].value, values["wrong"][metric].value) == (100.0, 0.0)
    assert re.fullmatch(r"Mood: \w+\. Tempo: (slow|medium|fast)\.", commonest(clips))


def test_a_run_stands_beside_its_beginning_and_the_commonest_answer(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(write_run(tmp_path / "run")), str(corpus), "--limit", "2"])
    said = capsys.readouterr().out
    assert said.startswith("2 films\n")
    models = [f"| {name}: {what}" for name in ("fine-tuned", "base") for what in ("lists", "description")]
    assert [line.split(" | ")[0] for line in said.splitlines()[4:9]] == [*models, f"| {COMMONEST}"]


def test_a_folder_without_truth_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"truth\.jsonl.*leitmotif demo"):
        read_truth(tmp_path)
