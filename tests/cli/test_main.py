import json
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leitmotif.cli.exits import Exit
from leitmotif.cli.main import main
from leitmotif.cli.parser import COMMANDS, Parser, children_of, make_parser

REPOSITORY = Path(__file__).resolve().parents[2]
# The files of cli/ that are no command.
SHARED = {"__init__", "console", "exits", "interrupt", "main", "memory", "parser", "progress"}
# What a command has beside its own file: `generate`, by its --backend.
PARTS = {"generate_follow", "generate_sounds", "generate_sva"}


def leaves(parser: Parser) -> list[Parser]:
    """Return the parsers of all commands that do something."""
    children = children_of(parser)
    return [leaf for child in children.values() for leaf in leaves(child)] if children else [parser]


LEAVES = {leaf.prog.removeprefix("leitmotif "): leaf for leaf in leaves(make_parser())}


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
    files = {path.stem for path in (REPOSITORY / "cli").glob("*.py")} - SHARED - PARTS
    assert files == {command.replace("-", "_") for command in COMMANDS}


@pytest.mark.parametrize("command", LEAVES)
def test_every_option_is_documented(command: str) -> None:
    text = (REPOSITORY / "docs" / "commands.md").read_text()
    for option in re.findall(r"--[a-z-]+", LEAVES[command].format_help()):
        assert option in text, f"{command} {option}"


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_shows_an_example_that_can_be_typed(command: str) -> None:
    shown = LEAVES[command].format_help()
    example = shown.partition("example:\n")[2].split(" > ")[0]
    words = shlex.split(example)
    assert words[: 1 + len(command.split())] == ["leitmotif", *command.split()]
    assert make_parser().parse_args(words[1:]).command == command.split()[0]


@pytest.mark.parametrize("command", LEAVES)
def test_json_and_verbose_may_stand_anywhere(command: str) -> None:
    example = LEAVES[command].format_help().partition("example:\n")[2].split(" > ")[0]
    words = shlex.split(example)[1:]
    for place in range(len(words) + 1):
        if place and words[place - 1].startswith("--"):
            continue  # there it is the value of an option, or none of it
        given = [*words[:place], "--json", "--verbose", *words[place:]]
        options = make_parser().parse_args(given)
        assert (options.json, options.verbose) == (True, True), given
    options = make_parser().parse_args(words)
    assert (options.json, options.verbose) == (False, False)


@pytest.mark.parametrize("words", [[], ["help"], ["--help"]])
def test_without_a_command_the_commands_are_shown(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert main(words) == Exit.DONE
    except SystemExit as ended:
        assert ended.code == Exit.DONE
    shown = capsys.readouterr().out
    assert all(f"    {command}" in shown for command in COMMANDS)


def test_help_of_a_command_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "train", "mmdm"]) == Exit.DONE
    assert capsys.readouterr().out == LEAVES["train mmdm"].format_help()
    assert main(["help", "curate", "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == {"help": LEAVES["curate"].format_help()}


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("crate my-videos --out ws", "did you mean curate?"),
        ("curate x --out ws --recipee music-video", "has no option --recipee; did you mean --recipe?"),
        ("curate x --ot ws", "has no option --ot; did you mean --out"),
        ("--jsno curate x --out ws", "has no option --jsno; did you mean --json?"),
        ("train mmmd ds --out run", "did you mean mmdm?"),
        ("help evaluat", "did you mean evaluate"),
        ("completion fihs", "did you mean fish?"),
        ("frobnicate", "expected one of demo, collect, curate"),
        ("validate one two", "got more than `leitmotif validate` takes: two"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_not_known_is_one_line_with_what_is_near(
    words: str, said: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), *["--json"] * as_json]) == Exit.USER
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    if as_json:
        told = json.loads(captured.out)
        assert (said in told["error"], told["kind"], told["exit_code"]) == (True, "user", 2)
    else:
        assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curate", "nowhere", "--out", "ws"], "source 'nowhere' does not exist"),
        (["curate", "nowhere", "--out", "ws", "--set", "motion.treshold=1"], "did you mean motion.threshold"),
        (
            ["curate", "nowhere", "--out", "ws", "--profile", "missing.yaml"],
            "profile 'missing.yaml' is not known",
        ),
        (["curate", "nowhere", "--out", "ws", "--window", "-1"], "window is -1"),
        (["curate", "nowhere", "--out", "ws", "--workers", "0"], "--workers is 0"),
        (["curate", "nowhere", "--out", "ws", "--plan", "none.yaml"], "plan 'none.yaml' cannot be read"),
        (
            ["curate", "nowhere", "--out", "ws", "--plan", "p", "--profile", "paper"],
            "plan 'p' holds a recipe",
        ),
        (
            ["curate", "nowhere", "--out", "ws", "--device", "gpu"],
            "error: got device 'gpu'; expected auto",
        ),
        (
            ["curate", "https://a.example//v?id=1&t=2", "--out", "ws"],
            "is an address; fetch it first: leitmotif collect 'https://a.example/v?id=1&t=2' --out my-",
        ),
        (["curate", "--out", "ws"], "is empty and no source was given"),
        (["publish", "nowhere", "--out", "ds"], "is no workspace"),
        (["validate", "nowhere"], "there is no such folder"),
        (["report", "nowhere"], "there is no such folder"),
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
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_is_not_there_is_said_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.storage.errors import UserError
    from leitmotif.weights import device as devices

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
    from leitmotif.storage.errors import OutsideError

    def fail(*given: object, **options: object) -> None:
        raise OutsideError("the disk is full")

    monkeypatch.setattr(flow, "run_flow", fail)
    (tmp_path / "song.mp3").touch()
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
    (tmp_path / "song.mp3").touch()
    arguments = ["curate", str(tmp_path), "--out", str(tmp_path / "ws"), "--json"]
    assert main(arguments + ["--strict"] * strict) == code
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts) == {
        *("catalogued", "kept", "rejected", "quarantined", "rejected_by", "computed", "seconds", "advice")
    }


def test_a_demo_without_its_extra_is_one_line_and_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.music.sampler import general_midi

    general_midi.cache_clear()  # another test may have found it
    monkeypatch.setitem(sys.modules, "pretty_midi", None)
    assert main(["demo", "--out", str(tmp_path / "demo"), "--clips", "1"]) == Exit.USER
    assert capsys.readouterr().err.splitlines() == [
        "leitmotif: error: rendered music needs the soundfont of pretty_midi: "
        "pip install 'leitmotif-av[demo]'"
    ]


def test_exit_codes_are_those_of_the_documentation() -> None:
    text = (REPOSITORY / "docs" / "commands.md").read_text()
    table = text.partition("## Exit codes")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)] == sorted(Exit)


def test_errors_are_json_where_json_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.pipelines import flow
    from leitmotif.storage.errors import OutsideError

    (tmp_path / "song.mp3").touch()
    for error, kind, code in [
        (OutsideError("the disk is full", {"kept": 3}), "outside", 3),
        (KeyboardInterrupt(), "interrupted", 130),
        (ZeroDivisionError("oh"), "fault", 70),
    ]:

        def fail(*given: object, error: BaseException = error, **options: object) -> None:
            raise error

        monkeypatch.setattr(flow, "run_flow", fail)
        assert main(["curate", str(tmp_path), "--out", str(tmp_path / "ws"), "--json"]) == code
        captured = capsys.readouterr()
        told = json.loads(captured.out.splitlines()[-1])
        assert (told["kind"], told["exit_code"]) == (kind, code)
        assert told["error"] in captured.err
        assert ("kept" in told) == (kind == "outside")
        assert ("Traceback" in captured.err) == (kind == "fault")


def test_facts_of_an_error_travel_between_processes() -> None:
    from leitmotif.storage.errors import OutsideError

    error = pickle.loads(pickle.dumps(OutsideError("full", {"kept": 3})))
    assert (str(error), error.facts) == ("full", {"kept": 3})


def test_help_imports_no_library_of_the_flow() -> None:
    command = "import sys; from leitmotif.cli.parser import make_parser; make_parser(); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    assert not {"rich", "numpy", "pyarrow", "prefect", "torch", "shtab"} & {
        name.partition(".")[0] for name in shown.split()
    }


def test_a_reader_that_has_had_enough_sees_no_traceback() -> None:
    command = "import sys; from leitmotif.cli.main import main; sys.exit(main(['help']))"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", command], cwd=REPOSITORY, text=True, **pipes) as shown:
        assert shown.stdout is not None and shown.stderr is not None
        shown.stdout.close()
        said = shown.stderr.read()
    assert (shown.returncode, said) == (128 + signal.SIGPIPE, "")


def test_names_are_read_as_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    code = "from leitmotif.cli.main import command; command()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "status", str(tmp_path / "vid\u00e9os")],
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
    )
    assert ended.returncode == Exit.USER and "vid\u00e9os" in ended.stderr.decode()
