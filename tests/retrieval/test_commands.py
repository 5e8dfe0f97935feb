"""The commands `index` and `retrieve`: words in, lines and exit codes out."""

import json
import shutil
from pathlib import Path

import pytest

from leitmotif.cli.main import main
from tests.retrieval.conftest import Library

Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(library: Library, tmp_path: Path) -> str:
    shutil.copytree(library.dataset.path, tmp_path / "ds")
    return str(tmp_path / "ds")


def test_what_is_found_is_printed_with_reasons(library: Library, folder: str, capsys: Output) -> None:
    words = ["--audio", str(library.sounds[0]), "--genre", "jazz", "-k", "2", "--device", "cpu"]
    assert main(["retrieve", folder, *words]) == 0
    said = capsys.readouterr().out
    assert said.startswith("broad\n  1  0.")
    assert "sounds like the sound (clap 0." in said
    assert "\ntargeted\n  1  " in said
    assert "genre jazz (tag, 0.60); sounds like 'jazz' (clap " in said
    assert "(the query itself, or of its source or recording)" in said


def test_what_is_found_is_json(library: Library, folder: str, capsys: Output) -> None:
    assert main(["retrieve", folder, "--image", str(library.pictures[0]), "-k", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(found["broad"]) == 2
    assert {"clip_id", "score", "cosines", "reasons", "title", "split", "caption"} <= found["broad"][0].keys()
    assert len(found["own"]) == 1


def test_indexing_says_what_changed(folder: str, tmp_path: Path, capsys: Output) -> None:
    assert main(["index", folder]) == 0
    assert capsys.readouterr().out == f"{folder}/index: up to date, 6 clips; clap 6, clip 6\n"
    assert main(["index", folder, "--out", str(tmp_path / "index"), "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["clips"], done["added"], done["written"]) == (6, 6, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["index", "nowhere"], "is no dataset"),
        (["retrieve", "nowhere", "--text", "x"], "is no dataset"),
        (["retrieve", "DATASET"], "got nothing to look for"),
        (["retrieve", "DATASET", "--text", "x", "-k", "0"], "got 0 results to find"),
        (["retrieve", "DATASET", "--text", "x", "--index", "nowhere"], "is no index"),
        (["retrieve", "DATASET", "--genre", "polkka"], "label set has not"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, folder: str, capsys: Output) -> None:
    assert main([folder if word == "DATASET" else word for word in words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("leitmotif: error:") == 1
