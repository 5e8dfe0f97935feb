import shlex
from pathlib import Path

import pytest

from leitmotif.phrases import command, count, did_you_mean, near_names, some_of


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 clips"), (1, "1 clip"), (2, "2 clips"), (1200, "1,200 clips")]
)
def test_one_thing_is_not_called_many(number: int, said: str) -> None:
    assert count(number, "clip") == said


def test_a_plural_of_its_own_is_taken() -> None:
    assert count(2, "file is", "files are") == "2 files are"


def test_some_names_stand_for_many() -> None:
    assert some_of(["a", "b", "c"]) == "a, b, c"
    assert some_of([*"abcde"]) == "a, b, c and 2 more"


def test_what_is_near_does_not_run_on_to_what_is_not() -> None:
    settings = ["motion.threshold", "moods.threshold", "zoom.threshold", "too-long.threshold", "motion.mode"]
    assert near_names("motion.treshold", settings) == ["motion.threshold"]
    assert near_names("nothing at all", settings) == []
    assert did_you_mean("tran", ["train", "validation"]) == "did you mean train? "
    assert did_you_mean("zzz", ["train"]) == ""


def test_a_command_names_whole_paths_and_quotes_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    line = command("publish", Path("my work"), "--set", "motion.threshold=0.1")
    assert shlex.split(line) == [
        "leitmotif",
        "publish",
        str(tmp_path / "my work"),
        "--set",
        "motion.threshold=0.1",
    ]
