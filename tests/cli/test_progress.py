import re

import pytest
from rich.console import Console

from leitmotif.cli import console
from leitmotif.cli import progress as progress_module
from leitmotif.cli.progress import LINES, progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    return now


def test_where_there_is_no_terminal_a_stage_has_a_bounded_number_of_lines(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress() as tell:
        for done in range(10_001):
            clock[0] += 60.0
            tell("probe", done, 10_000)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "probe: 0/10000"
    assert said[-1] == "probe: 10000/10000"
    assert 10 < len(said) <= LINES + 2


def test_lines_are_apart_in_time_as_well(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as tell:
        for done in range(101):
            clock[0] += 0.01
            tell("probe", done, 100)
    assert capsys.readouterr().err == "probe: 0/100\nprobe: 100/100\n"


def test_a_total_that_grows_is_no_end_at_every_step(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress() as tell:
        for done in range(1, 5001):
            clock[0] += 1.0
            tell("collect", done, done)
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "collect: 5000/5000"
    assert len(said) < 150  # each is a twentieth further than the one before it


def test_the_time_left_follows_from_the_pace_since_the_first_look(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress() as tell:
        tell("train", 400, 1000, "loss 2.10")  # a run that goes on: 400 steps are not of this hour
        clock[0] = 60.0
        tell("train", 500, 1000, "loss 1.90")
    assert capsys.readouterr().err == "train: 400/1000, loss 2.10\ntrain: 500/1000, loss 1.90, 5 min left\n"


def test_bytes_are_told_in_mebibytes(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress(of_bytes=True) as tell:
        for second in range(21):
            clock[0] = float(second)
            tell("x.pth", second << 20, 20 << 20)
    said = capsys.readouterr().err.splitlines()
    assert said == ["x.pth: 10 of 20 MiB, 10 s left", "x.pth: 20 of 20 MiB"]


def test_a_terminal_shows_bars_with_notes_and_the_time_left(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Console(stderr=True, force_terminal=True, width=120)
    monkeypatch.setattr(console, "errors", lambda: terminal)
    with progress() as tell:
        tell("tagging", 0, 100, "2 rejected, 1 quarantined")
        clock[0] = 60.0
        tell("tagging", 20, 100, "3 rejected, 1 quarantined")
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert re.search(r"tagging +\S+ +20/100 +\S+ 3 rejected, 1 quarantined, 4 min left", said)
