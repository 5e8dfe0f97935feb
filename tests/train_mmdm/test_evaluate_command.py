"""`leitmotif evaluate mmdm`: a random model beside its base, the captions and shuffled captions."""

import json
from pathlib import Path

import pytest

from leitmotif.cli.main import main
from leitmotif.encoders.clap import ClapEncoder
from leitmotif.train_mmdm.answer import Answer
from leitmotif.train_mmdm.evaluate import _heading, count_wordless, list_attributes
from tests.evaluation.small_datasets import rows_of, write_dataset
from tests.train_mmdm.untrained_runs import write_run

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    write_run(folder / "run", adapters=True)
    write_run(folder / "other", "seed=9")
    rows = rows_of(ClapEncoder("clap-mini").load())
    write_dataset(folder / "dataset", rows)
    write_dataset(folder / "dataset", [row | {"frames": []} for row in rows], split="train")
    broken = [{"bytes": b"\xff\xd8\xff", "path": "0.jpg"}]
    write_dataset(folder / "dataset", [rows[0] | {"frames": broken}, *rows[1:]], split="validation")
    return folder


def evaluate(folder: Path, out: Path, *arguments: str) -> int:
    paths = [str(folder / "run"), str(folder / "dataset"), "--out", str(out)]
    return main(["evaluate", "mmdm", *paths, "--max-tokens", "8", *arguments])


def test_the_run_stands_beside_its_base_and_the_captions(folder: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "results"
    assert evaluate(folder, out, "--batch", "3", "--greedy") == 0
    document = json.loads((out / "results.json").read_text())
    assert list(document["values"]) == ["fine-tuned", "base", "captions", "shuffled captions"]
    assert document["clips"] == document["described"] == 4 and document["decoding"]["greedy"] is True
    assert document["run"] == "run" and document["clap"].startswith("clap-mini@sha256:")
    assert document["values"]["captions"]["clap-score"]["value"] == pytest.approx(100, abs=1e-3)
    assert document["values"]["fine-tuned"]["clap-score"]["value"] < 90
    assert "base" in document["differences"]["clap-score"]
    rows = [json.loads(line) for line in (out / "descriptions.jsonl").read_text().splitlines()]
    assert [row["clip_id"] for row in rows] == [f"clip-{number}" for number in range(4)]
    assert any(row["fine-tuned"] != row["base"] for row in rows)
    shown, told = capsys.readouterr()
    assert shown.strip() == (out / "results.md").read_text().strip()
    assert "base: 4/4" in told


def test_another_run_or_a_file_of_descriptions_is_compared_with(
    folder: Path, tmp_path: Path, capsys: Said
) -> None:
    written = tmp_path / "written.jsonl"
    written.write_text('{"clip_id": "clip-3", "description": "A sad, slow piece."}\n')
    for against in (folder / "other", written):
        out = tmp_path / f"results-{against.stem}"
        arguments = ["--against", str(against), "--metric", "tempo-class", "--limit", "4", "--json"]
        assert evaluate(folder, out, *arguments) == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert list(told["values"])[:2] == ["fine-tuned", str(against)]
        assert list(told["metrics"]) == ["tempo-class"] and told["results"] == str(out)
    one_clip = told["values"][str(written)]["tempo-class"]
    assert one_clip["value"] == 100.0 and one_clip["clips"] == 1
    assert one_clip["low"] is None and one_clip["high"] is None and "one clip" in one_clip["no_interval"]


def test_a_clip_with_broken_frames_costs_that_clip(folder: Path, tmp_path: Path) -> None:
    arguments = ["--split", "validation", "--metric", "bleu", "--greedy"]
    assert evaluate(folder, tmp_path / "results", *arguments) == 0
    document = json.loads((tmp_path / "results" / "results.json").read_text())
    assert (document["clips"], document["described"]) == (4, 3)
    assert document["values"]["fine-tuned"]["bleu"]["clips"] == 3
    assert document["values"]["captions"]["bleu"]["clips"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--split", "dev"], "has no split 'dev'; expected train or validation or test"),
        (["--split", "train"], "no clip of split 'train' of"),
        (["--metric", "blue"], "metric 'blue' is not known; did you mean bleu?"),
        (["--metric", "bertscore"], "give one, such as --bertscore"),
        (["--bertscore", "./nowhere"], "no such folder exists"),
        (["--clap", "./nowhere"], "no such folder exists"),
        (["--against", "nowhere"], "give a folder that `leitmotif train mmdm` wrote"),
        (["--limit", "0"], "--limit is 0"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(
    folder: Path, tmp_path: Path, arguments: list[str], said: str, capsys: Said
) -> None:
    assert evaluate(folder, tmp_path / "results", *arguments) == 2
    err = capsys.readouterr().err
    assert said in err and err.splitlines()[-1].startswith("leitmotif: error: ") and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_code_3_and_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leitmotif.evaluation.results._write", refuse)
    assert evaluate(folder, tmp_path / "results", "--metric", "bleu") == 3
    assert "No space left on device; make room and run it again" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_descriptions_that_is_none_is_named(folder: Path, tmp_path: Path, capsys: Said) -> None:
    wrong = tmp_path / "wrong.jsonl"
    for text, said in (
        ("[1]\n", "cannot read"),
        ('{"clip_id": "x", "description": "y"}', "none of this split"),
    ):
        wrong.write_text(text)
        assert evaluate(folder, tmp_path / "results", "--against", str(wrong)) == 2
        assert said in capsys.readouterr().err


def test_attributes_are_listed_without_pictures_and_description() -> None:
    answer = Answer("A calm piece.", visuals="dark pictures", moods=("calm", "sad"), tempo="slow")
    assert list_attributes(answer) == "Mood: calm, sad. Tempo: slow."
    assert list_attributes(Answer("A calm piece.")) == ""


def test_answers_without_a_word_are_counted_and_told() -> None:
    answers = [Answer("A calm tune."), Answer(", , ,"), Answer(""), None, Answer("静かな曲")]
    assert count_wordless(answers) == 2
    facts = {"dataset": "ds", "split": "test", "described": 4, "clips": 5, "checkpoint": "c", "level": 0.95}
    facts |= {"resamples": 10, "clap": None, "decoding": {"greedy": True}}
    assert "2 of the descriptions have no word in them" in _heading(facts | {"wordless": 2})
    assert "no word" not in _heading(facts | {"wordless": 0})
