"""`leitmotif generate --backend NAME`, as it is typed: what it writes, and what it refuses."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from leitmotif.cli.main import main
from tests.generators.text_to_audio.tiny_models import write_musicgen


class Typed:
    """Types `leitmotif generate …` in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def done(self, *words: object) -> list[dict[str, Any]]:
        """Return what it says of each sound in JSON."""
        assert main(["generate", *map(str, words), "--device", "cpu", "--json"]) == 0
        said = json.loads(self.capsys.readouterr().out.splitlines()[-1])
        assert said["seconds"] >= 0
        sounds: list[dict[str, Any]] = said["sounds"]
        return sounds

    def refused(self, *words: object) -> str:
        """Return the one line with which it is refused; nothing is written."""
        before = sorted(self.folder.rglob("*"))
        assert main(["generate", *map(str, words)]) == 2
        (line,) = self.capsys.readouterr().err.splitlines()
        assert sorted(self.folder.rglob("*")) == before
        return line


@pytest.fixture
def generate(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.chdir(tmp_path)
    return Typed(tmp_path, capsys)


def test_a_sound_of_words_stands_beside_a_record_of_what_it_is(generate: Typed) -> None:
    words = ("--backend", "sound-effects", "--text", "rain", "--seconds", 1.5, "--seed", 3)
    (said,) = generate.done(*words, "--out", "x.wav")
    samples, rate_hz = soundfile.read("x.wav", always_2d=True)
    assert samples.shape == (66_150, 2) and rate_hz == 44_100 and np.abs(samples).max() > 0.05
    record = json.loads(Path("x.json").read_text())
    assert record == {**said, "file": "x.wav"}
    assert record["sha256"] == hashlib.sha256(Path("x.wav").read_bytes()).hexdigest()
    assert (record["backend"], record["licence"], record["seed"]) == ("sound-effects", "Apache-2.0", 3)
    generate.done(*words, "--out", "again.wav")
    assert Path("again.wav").read_bytes() == Path("x.wav").read_bytes()
    generate.done(*words, "--negative", "thunder", "--out", "x.wav")  # its own record may be replaced
    assert json.loads(Path("x.json").read_text())["negative"] == "thunder"
    Path("x.wav").write_bytes(b"mine")
    assert "which is there already" in generate.refused(*words, "--out", "x.wav")
    assert Path("x.wav").read_bytes() == b"mine"


def test_a_sound_may_have_a_name_that_is_no_utf_8(generate: Typed) -> None:
    name = os.fsdecode(b"rain\xff.wav")
    generate.done("--backend", "sound-effects", "--text", "rain", "--seconds", 0.2, "--out", name)
    assert Path(name).is_file()
    assert json.loads(Path(name).with_suffix(".json").read_bytes())["file"] == name


def test_several_sounds_go_into_a_folder_with_seeds_that_rise(generate: Typed) -> None:
    common = (
        "--backend",
        "sound-effects",
        "--seconds",
        0.5,
        "--count",
        2,
        "--text",
        "rain",
        "--text",
        "bell",
    )
    said = generate.done(*common, "--out", "many")
    assert [(each["text"], each["seed"]) for each in said] == [
        ("rain", 0),
        ("rain", 1),
        ("bell", 0),
        ("bell", 1),
    ]
    assert sorted(path.name for path in Path("many").iterdir()) == sorted(
        f"sound-{number}{suffix}" for number in range(1, 5) for suffix in (".wav", ".json")
    )


def test_a_model_of_ones_own_is_given_by_its_folder(generate: Typed) -> None:
    write_musicgen(Path("mine"))
    words = ("--backend", "musicgen", "--model", "mine", "--text", "calm piano", "--seconds", 0.2)
    (said,) = generate.done(*words, "--out", "x.flac")
    assert (said["model"], said["revision"], said["licence"]) == ("mine", "a folder", "see its page")
    assert soundfile.info("x.flac").frames == 800


def test_without_json_the_file_its_words_and_the_licence_are_said(
    generate: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "--backend", "sound-effects", "--text", "rain", "--seconds", "0.5", "--out", "x.wav"]
    assert main(words) == 0
    assert capsys.readouterr().out == "x.wav: 0.5 s, seed 0\n  rain (sound-effects, Apache-2.0)\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--text", "rain", "--backend", "sound-effect"],
            "'sound-effect' is not known; did you mean sound-eff",
        ),
        (["--text", "rain", "--genre", "jazz"], "got --genre, which --backend sound-effects does not know"),
        (["--text", "rain", "--strict"], "got --strict, which --backend sound-effects does not know"),
        (["--text", "rain", "--model", "x"], "got a model for sound-effects, which has none to choose"),
        (["--text", "rain", "--count", "0"], "--count is 0; expected 1 or more"),
        (["--text", "rain", "--seconds", "9999"], "makes up to 600 s at a time"),
        (["--text", "a xylophone"], "which names no sound effect"),
        ([], "got no words for sound-effects"),
        (["--text", "rain", "--out", "x.mp3"], r"expected a name ending in .wav or .flac"),
        (["--text", "rain", "--text", "wind", "--out", "x.wav"], "for 2 sounds; expected a folder"),
        (["--text", "rain", "--out", "taken.wav"], "where the record would stand, is something else"),
        (["--text", "rain", "--device", "tpu"], "got device 'tpu'"),
        (["--backend", "ecmg", "--negative", "x", "--model", "r"], "got --negative, which --backend ecmg"),
    ],
)
def test_what_cannot_be_is_one_line(generate: Typed, words: list[str], said: str) -> None:
    Path("taken.json").write_text("{}")
    assert said in generate.refused("--backend", "sound-effects", "--out", "x.wav", *words)
