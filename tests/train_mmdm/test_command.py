"""`leitmotif train mmdm`: what is printed, and the exit codes."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leitmotif.cli import main as command
from leitmotif.training import checkpoint
from leitmotif.training.checkpoint import list_checkpoints
from tests.train_mmdm.conftest import SMALL
from tests.training.plain_clips import plain_rows
from tests.training.rendered_clips import write_dataset

Said = pytest.CaptureFixture[str]
OPTIONS = [word for change in (*SMALL, "epochs=1") for word in ("--set", change)]


def call(*words: object) -> int:
    return command.main(["train", "mmdm", *(str(word) for word in words)])


def test_a_training_prints_one_object_and_is_not_begun_twice(
    plain_dataset: Path, tmp_path: Path, capsys: Said
) -> None:
    run = tmp_path / "run"
    assert call(plain_dataset, "--out", run, *OPTIONS, "--json") == 0
    told, err = capsys.readouterr()
    facts = json.loads(told.splitlines()[-1])
    assert (facts["run"], facts["checkpoint"], facts["step"]) == (str(run), "step-00000003", 3)
    assert "train: 3/3" in err and "Traceback" not in err
    assert call(plain_dataset, "--out", run, *OPTIONS) == 2
    assert capsys.readouterr().err == (
        f"leitmotif: error: '{run}' exists; go on with it by --resume, or give another --out\n"
    )
    assert call(plain_dataset, "--out", run, "--resume") == 0
    assert "step         3\n" in capsys.readouterr().out
    assert call(plain_dataset, "--out", run, "--resume", "--preset", "internvl3-1b") == 2
    assert "was begun with 'tiny'" in capsys.readouterr().err


def test_a_full_disk_ends_with_3_and_one_line(
    plain_dataset: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        checkpoint, "save_object", lambda path, content: Path("/dev/full").write_bytes(b"x" * 99999)
    )
    assert call(plain_dataset, "--out", tmp_path / "run", *OPTIONS) == 3
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("leitmotif: error: ")]
    assert len(lines) == 1
    assert "No space left on device" in lines[0] and "go on with --resume" in lines[0]
    assert list_checkpoints(tmp_path / "run") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--preset", "internvl4"],
            "preset 'internvl4' is not known; did you mean internvl3-14b or",
        ),
        (["--set", "epochs=none"], "setting epochs: got 'none', expected a whole number"),
        (["--set", "epoch=3"], "setting 'epoch' is not known; did you mean epochs"),
        (["--resume"], "does not exist; leave --resume out to begin it"),
    ],
)
def test_wrong_words_end_with_2_and_one_line(
    plain_dataset: Path, tmp_path: Path, capsys: Said, words: list[str], said: str
) -> None:
    assert call(plain_dataset, "--out", tmp_path / "run", *words) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_dataset_without_captions_ends_with_2(tmp_path: Path, capsys: Said) -> None:
    rows = [{**row, "caption": None} for row in plain_rows(2)]
    dataset = write_dataset(tmp_path / "dataset", {"train": rows})
    assert call(dataset, "--out", tmp_path / "run") == 2
    err = capsys.readouterr().err
    assert "split 'train' has 2 rows and none with what training needs: no captions" in err
    assert err.count("\n") == 1


def test_an_unknown_kind_is_refused(tmp_path: Path, capsys: Said) -> None:
    assert command.main(["train", "poetry", str(tmp_path), "--out", "run"]) == 2
    assert "got kind 'poetry'; expected one of mmdm" in capsys.readouterr().err


def interrupted_at(line: str, words: list[str]) -> str:
    """Run a command until it says something, press Ctrl-C, and return its last line."""
    interpreter = [sys.executable, "-c", "from leitmotif.cli.main import command; command()"]
    with subprocess.Popen(
        [*interpreter, *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any(line in said for said in lines)
        os.killpg(process.pid, signal.SIGINT)
        last = list(lines)[-1]
    assert process.returncode == 130
    return last


@pytest.mark.slow
def test_the_command_that_ctrl_c_prints_goes_on(plain_dataset: Path, tmp_path: Path) -> None:
    words = ["train", "mmdm", str(plain_dataset), "--out", str(tmp_path / "run"), *OPTIONS]
    words += ["--set", "epochs=400"]
    said = interrupted_at("train: 1/", words)
    printed = shlex.split(said.partition("go on with: leitmotif ")[2])
    assert printed == [*words, "--resume"]
    assert interrupted_at("train: ", printed) == said
