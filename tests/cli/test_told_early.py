"""What is wrong with what was typed is told before libraries are loaded that take many seconds."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "transformers", "prefect")
TYPED = (
    ("generate --model nope --text x --out m.wav", "'nope' is no run"),
    ("generate --model nope --text x --out m.mp3", "expected a .wav or .flac file"),
    ("encode nope --for ecmg", "'nope' is no dataset"),
    ("curate in --out ws --metadata t.csv", "says which file it is about"),
    ("curate nope --out ws", "does not exist"),
)
RUN = f"""
import sys
from leitmotif.cli.main import main
for line in sys.argv[1:]:
    code = main(line.split())
    print(code, [name for name in {HEAVY!r} if name in sys.modules])
"""


def test_a_wrong_folder_name_or_table_is_told_before_torch_or_prefect_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").touch()
    (tmp_path / "t.csv").write_text("title,year\nA,1999\n")
    command = [sys.executable, "-c", RUN, *(line for line, _ in TYPED)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2 []"] * len(TYPED), done.stderr
    for (_, said), line in zip(TYPED, done.stderr.splitlines(), strict=True):
        assert said in line
    assert not (tmp_path / "ws").exists()
