"""Only clips of licences that are asked for: from what the catalog states to the dataset and its report."""

import json
import re
import shlex
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.settings import change_settings, make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.left_out import sentence
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import UserError
from tests.pipelines.test_takedown import fill

STATED = {
    "a": "https://creativecommons.org/licenses/by/4.0/",
    "b": "CC0 1.0 Universal",
    "c": "Creative Commons Attribution-NonCommercial 3.0",
    "d": "unknown",
    "e": None,
    "f": "Pixabay License",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("licenses")
    workspace, plan = Workspace(folder / "ws"), make_plan("music-video", "embedded")
    for name, license in STATED.items():
        (folder / f"{name}.mp4").write_text(name)
        row = {"clip_id": name * 32, "media_id": name * 32, "path": str(folder / f"{name}.mp4")}
        row |= {"source_id": f"{name}.mp4", "size_bytes": 1, "license": license}
        workspace.catalog().append([row])
    fill(workspace, plan, [name * 32 for name in STATED], dim=len(STATED), clip_dim=len(STATED))
    workspace.save_plan(plan)
    return workspace


def kept(workspace: Workspace, *settings: str) -> str:
    plan = change_settings(workspace.plan(), settings)
    ledger = Ledger(*workspace.kinds(plan))
    ledger.decide()
    return "".join(entry.source_id[0] for entry in ledger.kept())


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ([], "abcdef"),
        (["license.allow=[cc-by-4.0, cc0-1.0]"], "ab"),
        (["license.allow=CC BY, CC0"], "ab"),
        (["license.allow=[cc-by-3.0]"], ""),
        (["license.allow=[cc-by-nc, unknown]"], "cde"),
        (["license.allow=[LicenseRef-Pixabay-License]"], "f"),
        (["license.allow=[cc0-1.0]", "license.allow="], "abcdef"),
    ],
)
def test_clips_of_the_licences_that_are_named_are_kept_and_all_where_none_is(
    workspace: Workspace, settings: list[str], names: str
) -> None:
    assert kept(workspace, *settings) == names


def test_what_is_left_out_is_told_with_its_licence_wherever_it_is_told(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, setting = tmp_path / "ds", "license.allow=[cc-by-4.0, cc0-1.0]"
    assert main(["publish", str(workspace.root), "--out", str(out), "--set", setting]) == 0
    told = capsys.readouterr()
    assert re.search(r"license +4  a licence that is not among those of license\.allow\n", told.out)
    assert "4 clips left out for the licence: unknown 2, " in told.out + told.err
    rejected = {row["source_id"]: row for row in pq.read_table(out / "rejected.parquet").to_pylist()}
    assert {row["rule"] for row in rejected.values()} == {"license"}
    assert {name: sentence(row) for name, row in rejected.items()} == {
        "c.mp4": "its licence is CC-BY-NC-3.0 (Creative Commons Attribution-NonCommercial 3.0)",
        "d.mp4": "its licence is unknown",
        "e.mp4": "its licence is unknown",
        "f.mp4": "its licence is LicenseRef-pixabay-license (Pixabay License)",
    }
    assert list(validate(out)) == []
    stats = json.loads((out / "stats.json").read_text())
    assert (stats["rejected"]["license"]["count"], stats["counts"]["kept"]) == (4, 2)
    steps = {step["step"]: step for step in stats["funnel"]}
    assert list(steps)[:2] == ["catalogued", "license"] and steps["license"]["clips"] == 2
    assert (stats["live"]["of"], stats["live"]["left_out"]) == (2, 4)
    page = (out / "report.html").read_text()
    assert "its licence is CC-BY-NC-3.0" in page
    # The recipe keeps the choice for whoever makes the dataset again.
    assert main(["publish", str(workspace.root), "--out", str(out), "--set", "license.allow=[CC0]"]) == 0
    assert pq.read_table(out / "rejected.parquet").num_rows == 5
    assert main(["publish", str(workspace.root), "--out", str(out), "--set", "license.allow=mit"]) == 2
    assert "6 by rule license; the dataset" in (error := capsys.readouterr().err)
    assert "RULE.threshold=VALUE, licences by license.allow, or choose another --out" in error


def test_what_is_published_under_a_licence_that_is_not_known_to_be_free_is_told_with_what_leaves_it_out(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", str(workspace.root), "--out", str(tmp_path / "ds")]) == 0
    told = capsys.readouterr()
    (line,) = [line for line in (told.out + told.err).splitlines() if "not known to be free" in line]
    assert "2 clips are published under a licence" in line and "LicenseRef-pixabay-license 1" in line
    assert "and 2 more with none that is stated" in line
    (change,) = re.findall(r"`(.*)`, added to the command, leaves them out", line)
    assert main(["publish", str(workspace.root), "--out", str(tmp_path / "ds"), *shlex.split(change)]) == 0
    told = capsys.readouterr()
    assert "2 clips left out for the licence: " in told.out + told.err
    assert "not known to be free" not in told.out + told.err


def test_status_knows_the_clips_that_a_run_left_out_for_their_licence(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    former = workspace.plan()
    workspace.save_plan(change_settings(former, ["license.allow=[cc0-1.0]"]))
    try:
        assert main(["status", str(workspace.root)]) == 0
        assert "5 clips left out for the licence: unknown 2, " in capsys.readouterr().out
    finally:
        workspace.save_plan(former)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[cc-bye-4.0]", "'cc-bye-4.0' is no licence of the SPDX list; did you mean CC-BY-4.0"),
        ("[]", "expected a licence at least"),
        ("7", "expected a list"),
        ("''", "expected the name of a licence"),
    ],
)
def test_what_names_no_licence_is_refused_in_one_line(workspace: Workspace, value: str, message: str) -> None:
    with pytest.raises(UserError, match=r"^setting license\.allow: got .*") as caught:
        change_settings(workspace.plan(), [f"license.allow={value}"])
    assert message in str(caught.value) and "\n" not in str(caught.value)
