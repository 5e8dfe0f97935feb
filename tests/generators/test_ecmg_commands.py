"""`leitmotif encode --for ecmg` and `leitmotif train ecmg`, as they are typed."""

import json
from pathlib import Path

import pytest

from leitmotif.cli.main import main
from leitmotif.generators.ecmg.settings import Settings
from leitmotif.training.settings import read_settings
from tests.generators.encoded_clips import SMALL
from tests.training.plain_clips import write_plain_dataset


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_a_dataset_is_encoded_trained_on_and_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, run = str(write_plain_dataset(tmp_path / "dataset")), str(tmp_path / "run")
    assert main(["encode", dataset, "--for", "ecmg", "--device", "cpu", "--json"]) == 0
    first = said(capsys)
    assert (first["clips"], first["computed"]) == (13, 13)
    assert Path(str(first["features"])).is_dir()
    assert main(["encode", dataset, "--for", "ecmg", "--json"]) == 0
    assert said(capsys)["computed"] == 0
    words = [word for change in (*SMALL, "epochs=1") for word in ("--set", change)]
    assert main(["train", "ecmg", dataset, "--out", run, *words, "--json"]) == 0
    assert said(capsys)["step"] == 3
    assert main(["train", "ecmg", dataset, "--out", run, "--resume", "--json"]) == 0
    assert said(capsys)["step"] == 3
    assert main(["train", "ecmg", dataset, "--out", f"{run}2", "--init", run, *words, "--json"]) == 0
    assert read_settings(Path(f"{run}2"), Settings).init == run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--for", "ecmg"], "'nowhere' is no dataset"),
        (["x", "--for", "mmaudio"], "got kind 'mmaudio'; expected one of ecmg"),
        (["x", "--for", "ecmg", "--preset", "soa"], "sao"),
        (["x", "--for", "ecmg", "--device", "tpu"], "got device 'tpu'; expected auto, cpu, cuda or cuda:N"),
        (["x", "--for", "ecmg", "--set", "codec=./nowhere"], "x"),
    ],
)
def test_what_cannot_be_encoded_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", *words]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and said in lines[0]


def test_a_run_that_is_trained_before_it_is_encoded_says_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = str(write_plain_dataset(tmp_path / "dataset"))
    assert main(["train", "ecmg", dataset, "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"run `leitmotif encode {dataset} --for ecmg --preset tiny`" in line
