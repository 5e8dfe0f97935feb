"""The report command: datasets, comparisons, and one line for what is wrong."""

import json
import re
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from leitmotif.cli.main import main
from leitmotif.shards.manifest import write_manifest
from leitmotif.shards.schema import QUARANTINE, REJECTED


@pytest.fixture
def dataset(tmp_path):
    """A dataset of which every clip was rejected."""
    folder = tmp_path / "sea"
    folder.mkdir()
    rows = [
        {
            "clip_id": f"clip{n}",
            "source_id": f"s{n}",
            "source": f"{n}.mp4",
            "rule": "motion",
            "value": 0.0,
            "threshold": 0.1,
            "detail": None,
        }
        for n in range(3)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=REJECTED), folder / "rejected.parquet")
    pq.write_table(QUARANTINE.empty_table(), folder / "quarantine.parquet")
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"recipe": "music-video", "rules": {"motion": 0.1}}))
    write_manifest(folder, {"catalogued": 3, "kept": 0, "rejected": 3, "quarantined": 0, "rows": {}})
    return folder


def test_a_dataset_gets_every_report_and_a_manifest_that_knows_them(dataset, capsys):
    assert main(["report", str(dataset), "--json"]) == 0
    written = json.loads(capsys.readouterr().out.splitlines()[-1])["written"]
    assert written[0] == str(dataset / "stats.json") and written[-1] == str(dataset / "manifest.json")
    manifest = json.loads((dataset / "manifest.json").read_text())
    assert manifest["counts"]["rejected"] == 3
    assert {"report.html", "README.md", "croissant.json", "figures/funnel.png"} <= set(manifest["files"])


def test_two_datasets_are_compared_on_one_page_and_neither_is_touched(dataset, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(dataset.iterdir())
    assert main(["report", str(dataset), "--against", str(dataset)]) == 0
    assert (tmp_path / "sea-against-sea.html").read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out.endswith("sea-against-sea.html\n")
    assert sorted(dataset.iterdir()) == before
    assert main(["report", str(dataset), "--against", str(dataset), "--out", "page.html"]) == 0
    assert (tmp_path / "page.html").is_file()


def test_the_page_alone_goes_where_it_is_asked_for_and_the_dataset_is_not_touched(dataset, tmp_path, capsys):
    before = sorted(dataset.iterdir())
    page = tmp_path / "page.html"
    assert main(["report", str(dataset), "--out", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"written": [str(page)]}
    assert sorted(dataset.iterdir()) == before
    assert main(["report", str(dataset)]) == 0
    assert page.read_bytes() == (dataset / "report.html").read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none"], "'none' is no dataset or workspace (there is no such folder); give one of these"),
        (["sea", "--against", "none"], "'none' is no dataset or workspace (there is no such folder)"),
        (["sea", "--out", "."], "--out '.' is a folder; name the page, such as 'report.html'"),
        (["sea", "--out", "sea/page.html"], "--out 'sea/page.html' lies in the dataset '"),
        (
            ["sea", "--against", "sea", "--out", "rejected/page.html"],
            "rejected' is no folder); choose another",
        ),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_two(dataset, tmp_path, capsys, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rejected").write_text("a file, no folder")
    assert main(["report", *words]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and error.startswith("leitmotif: error: ")


def test_a_table_that_was_cut_short_is_one_line_and_leaves_the_reports_alone(dataset, capsys):
    assert main(["report", str(dataset)]) == 0
    page = (dataset / "report.html").read_bytes()
    table = dataset / "rejected.parquet"
    table.write_bytes(table.read_bytes()[:-20])
    capsys.readouterr()
    assert main(["report", str(dataset)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    (proposed,) = re.findall(r"`leitmotif ([^`]+)`", error)
    assert main(shlex.split(proposed)) == 2
    assert "rejected.parquet" in capsys.readouterr().err
    assert (dataset / "report.html").read_bytes() == page


def flip(path, place=-30):
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", ["flipped", "missing", "emptied"])
def test_a_report_makes_no_damaged_file_right(dataset, capsys, damage):
    assert main(["report", str(dataset)]) == 0
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    victim = dataset / "quarantine.parquet"
    {"flipped": flip, "missing": Path.unlink, "emptied": lambda path: path.write_bytes(b"")}[damage](victim)
    capsys.readouterr()
    assert main(["report", str(dataset)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "no report was written (quarantine.parquet: " in error
    assert all(path.read_bytes() == content for path, content in before.items() if path != victim)
    assert main(["validate", str(dataset)]) == 2
    assert "quarantine.parquet: " in capsys.readouterr().err


def test_a_report_notes_what_it_wrote_and_nothing_else(dataset, capsys):
    assert main(["report", str(dataset)]) == 0
    before = json.loads((dataset / "manifest.json").read_text())["files"]
    (dataset / "README.md").write_text("changed by hand")
    (dataset / "figures" / "former.png").write_bytes(b"")
    (dataset / "notes.txt").write_text("of somebody")
    assert main(["report", str(dataset)]) == 0
    assert json.loads((dataset / "manifest.json").read_text())["files"] == before
    assert main(["validate", str(dataset)]) == 0


@pytest.mark.slow
def test_a_workspace_is_reported_before_it_is_published_and_compared_with_the_dataset(tmp_path, capsys):
    place = tmp_path / "made"
    assert main(["demo", "--out", str(place), "--clips", "5", "--seconds", "5"]) == 0
    workspace, dataset = place / "workspace", place / "dataset"
    assert main(["report", str(dataset)]) == 0
    assert main(["validate", str(dataset)]) == 0
    assert main(["report", str(workspace)]) == 0
    stats = {folder: json.loads((folder / "stats.json").read_text()) for folder in (workspace, dataset)}
    assert stats[workspace]["kind"] == "workspace" and stats[dataset]["kind"] == "dataset"
    for name in ("kept", "rejected", "quarantined"):
        assert stats[workspace]["counts"][name] == stats[dataset]["counts"][name]
    assert not (workspace / "README.md").exists() and not (workspace / "croissant.json").exists()
    page = (workspace / "report.html").read_text()
    kept, rejected = (stats[workspace]["counts"][name] for name in ("kept", "rejected"))
    assert page.count("<audio") == kept + rejected == 5 and kept > 0
    assert page.count("<img") == 5 * kept + 3 * rejected
    assert page.count('data-published="') == len(stats[workspace]["live"]["rules"])
    out = tmp_path / "both.html"
    assert main(["report", str(dataset), "--against", str(workspace), "--out", str(out)]) == 0
    assert set(re.findall(r"Total variation distance ([\d.]+)", out.read_text())) == {"0.000"}
