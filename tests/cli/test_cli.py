import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leitmotif.cli import main as command_line
from leitmotif.cli.main import COMMANDS, main, make_parser

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: leitmotif {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    documents = (REPOSITORY / "README.md").read_text() + (REPOSITORY / "docs" / "commands.md").read_text()
    assert f"leitmotif {command}" in documents


def test_every_file_of_a_command_is_a_command() -> None:
    files = {path.stem for path in (REPOSITORY / "cli").glob("*.py")} - {"__init__", "main", "console"}
    assert files == {command.replace("-", "_") for command in COMMANDS}


def test_every_option_is_documented() -> None:
    text = (REPOSITORY / "docs" / "commands.md").read_text()
    parsers = next(iter(make_parser()._subparsers._group_actions)).choices  # type: ignore[union-attr]
    for command, parser in parsers.items():
        for option in re.findall(r"--[a-z-]+", parser.format_help()):
            assert option in text or option == "--help", f"{command} {option}"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--greedy", "a.mp4", "b.mp4", "--seed", "3"),
        ("--seed", "3", "run", "a.mp4", "--greedy", "b.mp4"),
        ("run", "a.mp4", "b.mp4", "--greedy", "--seed", "3"),
    ],
)
def test_options_may_stand_anywhere(words: tuple[str, ...]) -> None:
    options = make_parser().parse_args(["describe", *words])
    assert (options.model, options.input) == (Path("run"), [Path("a.mp4"), Path("b.mp4")])
    assert (options.greedy, options.seed) == (True, 3)


def test_an_unknown_option_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["curate", "x", "--out", "ws", "--recipee", "music-video"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "unrecognized arguments: --recipee" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curate", "nowhere", "--out", "ws"], "source 'nowhere' does not exist"),
        (["curate", "nowhere", "--out", "ws", "--set", "motion.treshold=1"], "did you mean motion.threshold"),
        (
            ["curate", "nowhere", "--out", "ws", "--profile", "missing.yaml"],
            "profile 'missing.yaml' is not known",
        ),
        (["curate", "nowhere", "--out", "ws", "--window", "0"], "--window is 0"),
        (["curate", "nowhere", "--out", "ws", "--workers", "0"], "--workers is 0"),
        (
            ["curate", "nowhere", "--out", "ws", "--device", "gpu"],
            "--device: got device 'gpu'; expected auto",
        ),
        (["curate", "--out", "ws"], "is empty and no source was given"),
        (["publish", "nowhere", "--out", "ds"], "is no workspace"),
        (["validate", "nowhere"], "has no readable manifest.json"),
        (["report", "nowhere"], "has no readable manifest.json"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from leitmotif.pipelines import curate, flow

    # The flow's own start takes seconds and has its own test.
    monkeypatch.setattr(
        flow, "run_flow", lambda *given, workers, scheduler, **options: curate.curate(*given, **options)
    )
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err


def test_a_gpu_that_is_not_there_is_said_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.pipelines.errors import UserError
    from leitmotif.pipelines.models import devices

    def refuse(device: str) -> str:
        raise UserError(f"no {device} here")

    monkeypatch.setattr(devices, "resolve_device", refuse)
    workspace = tmp_path / "ws"
    assert main(["curate", str(tmp_path), "--out", str(workspace), "--device", "cuda:1"]) == 2
    assert capsys.readouterr().err == "leitmotif: error: no cuda:1 here\n"
    assert not workspace.exists()


def test_something_outside_that_fails_is_one_line_and_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.pipelines import flow
    from leitmotif.pipelines.errors import OutsideError

    def fail(*given: object, **options: object) -> None:
        raise OutsideError("the disk is full")

    monkeypatch.setattr(flow, "run_flow", fail)
    assert main(["curate", str(tmp_path), "--out", str(tmp_path / "ws")]) == 3
    assert capsys.readouterr().err == "leitmotif: error: the disk is full\n"


@pytest.mark.parametrize(("quarantined", "strict", "code"), [(0, True, 0), (2, True, 1), (2, False, 0)])
def test_strict_tells_of_quarantined_clips(
    quarantined: int,
    strict: bool,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from leitmotif.pipelines import curate, flow

    summary = curate.Summary(catalogued=3, kept=1, rejected=0, quarantined=quarantined, computed={"probe": 3})
    monkeypatch.setattr(flow, "run_flow", lambda *given, **options: summary)
    arguments = ["curate", str(tmp_path), "--out", str(tmp_path / "ws"), "--json"]
    assert main(arguments + ["--strict"] * strict) == code
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts) == {"catalogued", "kept", "rejected", "quarantined", "computed", "seconds"}


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert (command_line.DONE, command_line.STRICT, command_line.USER, command_line.OUTSIDE) == (0, 1, 2, 3)


def test_a_reader_that_has_had_enough_sees_no_traceback() -> None:
    command = "import sys; from leitmotif.cli.main import main; sys.exit(main(['doctor']))"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", command], cwd=REPOSITORY, text=True, **pipes) as doctor:
        assert doctor.stdout is not None and doctor.stderr is not None
        doctor.stdout.close()
        said = doctor.stderr.read()
    assert (doctor.returncode, said) == (128 + signal.SIGPIPE, "")
