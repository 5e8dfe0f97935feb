"""Texts that no XML and no line holds, in every field of a catalog, as an older version may have left it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines.catalog_row import CATALOG_COLUMNS
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from tests.pipelines.test_takedown import fill

ODD = (
    "".join(map(chr, range(32)))
    + "\x7f\x85\x9b\u2028\u2029\u202e\u2066\ufeff\ufffe\uffff</script>]]>--><b>{{x}}|`é"
)
IDENTITIES = ("path", "media_id", "stated")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-video", "embedded")
    texts = [field.name for field in CATALOG_COLUMNS if pa.types.is_string(field.type)]
    rows = []
    for name in "abc":
        (tmp_path / f"{name}.mp4").write_text(name)
        row = dict.fromkeys(texts, f"{name}{ODD}") | {"path": str(tmp_path / f"{name}.mp4"), "stated": None}
        rows.append(row | {"clip_id": name * 32, "media_id": name * 32, "comments": [ODD], "size_bytes": 1})
    failed = {"error": "Unreadable", "message": f"it is odd: {ODD}", "media_id": None}
    workspace.catalog().append([*rows[:2], rows[2] | failed])
    fill(workspace, plan, ["a" * 32, "b" * 32])
    workspace.save_plan(plan)
    return workspace


def test_it_is_published_reported_and_looked_at_as_any_other(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    root, dataset = str(workspace.root), str(workspace.dataset_beside())
    for words in (
        *(["publish", root, "--out", dataset], ["validate", dataset], ["status", root], ["report", root]),
        ["takedown", root, f"a{ODD}", "--dry-run"],
    ):
        assert main(words) == 0, capsys.readouterr().err
    capsys.readouterr()
    published = pq.read_table(Path(dataset) / "data")
    assert sorted(published["artist"].to_pylist()) == [f"a{ODD}", f"b{ODD}"]
    for folder in (root, dataset):
        assert json.loads((Path(folder) / "stats.json").read_text(encoding="utf-8"))["counts"]["kept"] == 2
        page = (Path(folder) / "report.html").read_text(encoding="utf-8")
        assert ODD not in page and page.count("<script") == page.count("</script>")
    card = (Path(dataset) / "README.md").read_text(encoding="utf-8")
    assert not any(letter in card for letter in ODD[:9] + "\x1b\x7f\x85\x9b\u2028\u202e\ufffe")
