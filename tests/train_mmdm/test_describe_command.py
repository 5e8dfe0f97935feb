"""`leitmotif describe`: what is printed, streamed and told, and the exit codes."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leitmotif.cli.main import main
from leitmotif.media.mux import write_video
from tests.train_mmdm.untrained_runs import write_run

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("describe")
    write_run(folder / "run")
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (30, 48, 64, 3), np.uint8)
    write_video(folder / "film.mp4", frames, np.zeros((2, 44100), np.float32), fps=30)
    Image.fromarray(frames[0]).save(folder / "picture.png")
    (folder / "pictures").mkdir()
    for number in range(3):
        Image.fromarray(frames[number]).save(folder / "pictures" / f"{number}.png")
    (folder / "text.mp4").write_text("no film")
    return folder


def describe(folder: Path, *arguments: str) -> int:
    return main(["describe", str(folder / "run"), *arguments])


def test_inputs_of_all_kinds_in_one_object(folder: Path, capsys: Said) -> None:
    paths = [str(folder / name) for name in ("film.mp4", "text.mp4", "pictures", "picture.png")]
    assert describe(folder, *paths, "--text", "a poem", "--json", "--greedy", "--batch", "3") == 0
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1])
    assert set(told) == {"descriptions", "failed", "seconds"}
    described = told["descriptions"]
    assert [row["input"] for row in described] == [paths[0], paths[2], paths[3], "a poem"]
    assert [(row["kind"], row["frames"]) for row in described] == [
        ("video", 4),
        ("folder", 3),
        ("image", 1),
        ("text", 0),
    ]
    assert all(isinstance(row["description"], str) and row["question"] for row in described)
    assert [row["input"] for row in told["failed"]] == [paths[1]]
    assert err.count("\n") == 1 and "text.mp4" in err and "holds text" in err


def test_a_bad_input_among_others_is_an_error_only_if_strict(folder: Path, capsys: Said) -> None:
    good, bad = str(folder / "picture.png"), str(folder / "text.mp4")
    assert describe(folder, good, bad, "--strict") == 1
    out, _ = capsys.readouterr()
    assert out.startswith(f"{good}: ") and out.count("\n") == 1
    assert describe(folder, good, bad) == 0
    assert capsys.readouterr().out == out


def test_only_bad_inputs_are_code_2(folder: Path, capsys: Said) -> None:
    assert describe(folder, str(folder / "text.mp4")) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert describe(folder, str(folder / "text.mp4"), "nowhere.mp4") == 2
    assert "none of 2 inputs could be read" in capsys.readouterr().err


def test_one_input_streams_to_a_terminal(folder: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert describe(folder, str(folder / "film.mp4"), "--seed", "3") == 0
    plain = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert describe(folder, str(folder / "film.mp4"), "--seed", "3") == 0
    streamed = capsys.readouterr().out
    assert streamed.strip() == plain.strip() and streamed.endswith("\n")
    assert describe(folder, str(folder / "film.mp4"), "--seed", "4") == 0
    assert capsys.readouterr().out.strip() != plain.strip()


def test_an_empty_answer_is_said(folder: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    from leitmotif.train_mmdm.answer import Answer
    from leitmotif.train_mmdm.describe import Describer

    monkeypatch.setattr(Describer, "describe", lambda self, batch, **options: [Answer("")] * len(batch))
    assert describe(folder, "--text", "x") == describe(folder, "--text", "x", "--text", "y") == 0
    said = "(the model said nothing)"
    assert capsys.readouterr().out.splitlines() == [said, f"x: {said}", f"y: {said}"]
    assert describe(folder, "--text", "x", "--json") == 0
    assert json.loads(capsys.readouterr().out)["descriptions"][0]["description"] == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert describe(folder, "--text", "x") == 0
    assert capsys.readouterr().out == f"{said}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "got nothing to describe; expected INPUT"),
        (["--text", " "], "got an empty text"),
        (["--text", "x", "--batch", "0"], "--batch is 0"),
        (["--text", "x", "--device", "gpu"], "error: got device 'gpu'"),
        (["--text", "x", "--top-p", "2"], "top-p 2"),
        (["--text", "x", "--max-tokens", "5000"], "lower --max-tokens"),
        (["x" * 400 + ".mp4"], "cannot be opened (File name too long)"),
    ],
)
def test_wrong_options_are_one_line(folder: Path, arguments: list[str], said: str, capsys: Said) -> None:
    assert describe(folder, *arguments) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and "Traceback" not in err


def test_a_folder_that_is_no_run_and_a_run_without_checkpoint(
    folder: Path, tmp_path: Path, capsys: Said
) -> None:
    assert main(["describe", str(tmp_path / "nowhere"), "--text", "x"]) == 2
    assert "give a folder that `leitmotif train mmdm` wrote" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text((folder / "run" / "settings.json").read_text())
    assert main(["describe", str(tmp_path), "--text", "x"]) == 2
    assert "has no checkpoint yet; train it" in capsys.readouterr().err


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("adapters", [True, False], ids=["adapters", "from scratch"])
@pytest.mark.parametrize("damage", ["weights in part", "no tokenizer", "no network"])
def test_a_damaged_run_is_one_line(adapters: bool, damage: str, tmp_path: Path, capsys: Said) -> None:
    run = write_run(tmp_path / "run", adapters=adapters)
    network = run / "checkpoints" / "step-00000003" / "network"
    if damage == "weights in part":
        halve(next(network.glob("*.safetensors")))
    else:
        shutil.rmtree(run / "tokenizer" if damage == "no tokenizer" else network)
    capsys.readouterr()
    for command in (
        ["describe", str(run), "--text", "x"],
        ["export", str(run), "--out", str(tmp_path / "o")],
    ):
        assert main(command) == 2
        err = capsys.readouterr().err
        assert err.startswith("leitmotif: error: ") and err.count("\n") == 1 and "Traceback" not in err
        assert str(run) in err
    assert not (tmp_path / "o").exists()
