"""Completion scripts, as the shells read them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from leitmotif.cli.main import main

COMPLETE = """
source ./script
COMP_WORDS=(leitmotif {words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMP_LINE="${{COMP_WORDS[*]}}"
COMP_POINT=${{#COMP_LINE}}
compopt() {{ :; }}
registered=($(complete -p leitmotif))
"${{registered[-2]}}" leitmotif "${{COMP_WORDS[$COMP_CWORD]}}" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cu", {"curate"}),
        ("curate --rec", {"--recipe"}),
        ("train mm", {"mmdm"}),
        ("train mmdm --pres", {"--preset"}),
        ("survey s", {"serve"}),
        ("completion z", {"zsh"}),
        ("validate my-d", {"my-dataset"}),
    ],
)
def test_bash_completes(
    words: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "script").write_text(script("bash", capsys))
    (tmp_path / "my-dataset").mkdir()
    command = ["bash", "--norc", "-c", COMPLETE.format(words=words)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {word.rstrip("/ ") for word in done.stdout.split("\n")} - {""} == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_every_command_and_is_read_by_its_shell(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.cli.parser import COMMANDS

    text = script(shell, capsys)
    assert all(command in text for command in COMMANDS)
    assert main(["completion", shell, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["script"].strip() == text.strip()
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)
