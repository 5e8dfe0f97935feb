"""`leitmotif train KIND`: which trainer is asked."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from leitmotif.cli import main as command
from leitmotif.cli.train import TRAINERS

ROOM = {
    "__init__.py": "",
    "arguments.py": """
from leitmotif.training import arguments

KIND = "echo"
SUMMARY = "a trainer that gives back what it was given"

def add_training_arguments(parser):
    arguments.add_training_arguments(parser, ("loud", "quiet"))
""",
    "settings.py": """
def choose_settings(preset=None, changes=()):
    return [preset or "loud", *changes]
""",
    "train.py": """
def train(dataset, run, settings=None, *, resume=False, on_progress):
    return {"dataset": str(dataset), "run": str(run), "settings": settings, "resume": resume}
""",
}


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "train_echo"
    room.mkdir()
    for name, text in ROOM.items():
        (room / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(TRAINERS, "echo", import_module("train_echo.arguments"))


@pytest.mark.usefixtures("echo")
def test_the_trainer_of_the_kind_is_asked_with_its_own_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["train", "echo", "clips", "--out", "run", "--set", "depth=3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "dataset": "clips",
        "run": "run",
        "settings": ["loud", "depth=3"],
        "resume": False,
    }
    assert command.main(["train", "echo", "clips", "--out", "run", "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"] is None
    assert command.main(["train", "nobody", "clips", "--out", "run"]) == 2
    assert "expected one of mmdm, ecmg, echo" in capsys.readouterr().err


def test_a_trainer_whose_packages_are_missing_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TRAINERS["ecmg"], "PACKAGES", {"nowhere_to_be_found": "generate"})
    assert command.main(["train", "ecmg", "clips", "--out", "run"]) == 2
    assert (
        "train ecmg needs the package 'nowhere_to_be_found', which is not installed; "
        "run `pip install 'leitmotif-av[generate]'`"
    ) in capsys.readouterr().err
