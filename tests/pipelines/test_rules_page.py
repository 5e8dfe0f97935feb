"""docs/rules.md says what the rules say, and its recipe works."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from leitmotif.cli.main import main
from leitmotif.filters.rule import discover, domain_text
from leitmotif.pipelines.rules_page import PAGE, fill_page

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_rules_say() -> None:
    assert fill_page(TEXT) == TEXT, "run: python -m leitmotif.pipelines.rules_page"


@pytest.mark.parametrize("name", discover())
def test_every_rule_has_its_row_and_its_reason(name: str) -> None:
    rule = discover()[name]
    rows = [line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1, "run: python -m leitmotif.pipelines.rules_page"
    (row,) = rows
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:5] == [rule.stage, f"`{rule.column}`", rule.unit, domain_text(rule.domain)]
    assert f"- **{name}** — " in TEXT and rule.why[1:] in TEXT


def test_a_page_without_a_place_for_the_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0 places"):
        fill_page("# Rules\n")


def test_the_recipe_of_the_page_curates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from leitmotif.pipelines import curate, flow

    # The flow's own start takes seconds and has its own test.
    monkeypatch.setattr(
        flow, "run_flow", lambda *given, workers, scheduler, **options: curate.curate(*given, **options)
    )
    (recipe,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    command = re.findall(r"```\n(leitmotif curate .*?)\n```", TEXT)[-1].split()
    (tmp_path / "my.yaml").write_text(recipe)
    tracks = tmp_path / "my-tracks"
    tracks.mkdir()
    for name, length_s in (("short", 5), ("silent", 31)):
        soundfile.write(tracks / f"{name}.wav", np.zeros(length_s * 8000), 8000)
    given = [str(tmp_path / word) if "." in word or word.endswith("/") else word for word in command[1:]]
    assert main([*given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["catalogued"], found["rejected"]) == (2, 2)
    assert found["computed"] == {"probe": 2, "audio": 1}, "too short for 30 s; then silence"
