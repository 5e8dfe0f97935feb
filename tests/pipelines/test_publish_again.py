"""What other commands made of a dataset when it is published again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.features_again import encoded_files
from leitmotif.shards.validate import validate
from leitmotif.storage.lock import LOCK, hold
from leitmotif.training import features
from leitmotif.training.features import Encoding, Row, fill_table
from tests.pipelines.test_takedown import fill

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
SCHEMA = pa.schema([("clip_id", pa.string()), ("latents", pa.list_(pa.list_(pa.float16(), 2)))])


def encode(dataset: Path, columns: tuple[str, ...] = ("clip_id", "audio", "caption")) -> list[str]:
    """Encode what a dataset lacks, and return the clips that were encoded."""
    seen = []

    def make(row: Row) -> Row:
        seen.append(row["clip_id"])
        return {"clip_id": row["clip_id"], "latents": np.full((2, 2), ord(row["clip_id"][0]))}

    fill_table(Dataset(dataset), Encoding("ecmg", "0123456789ab", SCHEMA, columns, make, {"codec": "x"}))
    return sorted(seen)


def encoded(dataset: Path) -> list[str]:
    return sorted(Dataset(dataset).features("ecmg").clip_ids.to_pylist())


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., Workspace]:
    """Adds clips to a workspace."""
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-video", "embedded")

    def add(*ids: str) -> Workspace:
        for clip_id in ids:
            path = tmp_path / f"{clip_id[0]}.mp4"
            path.write_text(clip_id)
            row = {"clip_id": clip_id, "media_id": clip_id, "source_id": path.name, "path": str(path)}
            workspace.catalog().append([row | {"size_bytes": 32, "license": "CC0-1.0"}])
        fill(workspace, plan, list(ids), dim=1)
        workspace.save_plan(plan)
        return workspace

    return add


def publish(workspace: Workspace, out: Path) -> int:
    return main(["publish", str(workspace.root), "--out", str(out)])


def test_features_of_clips_that_are_as_they_were_go_on_and_the_others_are_encoded(
    add: Callable[..., Workspace], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "ds"
    workspace = add(A, B)
    caplog.set_level("INFO")
    assert publish(workspace, out) == 0 and encode(out) == [A, B]
    add(C)
    assert publish(workspace, out) == 0
    said = caplog.text
    assert "features/ecmg-0123456789ab: 2 of 3 clips go on with the new dataset; `leitmotif encode " in said
    assert encoded(out) == [A, B] and list(validate(out)) == []
    assert encode(out) == [C]
    assert publish(workspace, out) == 0 and encode(out) == []
    assert Dataset(out).features("ecmg").facts == {"codec": "x"}


def test_features_of_clips_that_changed_or_were_taken_down_do_not_go_on(
    add: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "ds"
    workspace = add(A, B, C)
    monkeypatch.setattr(features, "PART_BYTES", 1)
    assert publish(workspace, out) == 0 and encode(out) == [A, B, C]
    for shard in (out / "data").iterdir():
        rows = pq.read_table(shard).to_pylist()
        changed = [row | {"caption": "Other words."} if row["clip_id"] == B else row for row in rows]
        pq.write_table(pa.Table.from_pylist(changed, schema=pq.read_schema(shard)), shard)
    assert main(["takedown", str(workspace.root), "c.mp4"]) == 0
    assert publish(workspace, out) == 0
    assert encoded(out) == [A]
    tables = (out / "features").rglob("*.parquet")
    held = b"".join(path.read_bytes() for path in tables)
    assert C.encode() not in held


def test_features_of_which_nobody_noted_what_they_were_made_from_do_not_go_on(
    add: Callable[..., Workspace], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "ds"
    workspace = add(A)
    caplog.set_level("INFO")
    assert publish(workspace, out) == 0 and encode(out) == [A]
    (part,) = (out / "features").rglob("*.parquet")
    table = pq.read_table(part)
    pq.write_table(table.replace_schema_metadata({b"leitmotif": b"{}"}), part)
    (out / "index").mkdir()
    assert publish(workspace, out) == 0
    said = caplog.text
    assert "0 of 1 clip go on" in said and "index/ was that of the former dataset" in said
    assert not (out / "features").exists()


def test_tables_of_others_are_refused_and_those_that_are_being_filled_waited_for(
    add: Callable[..., Workspace], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ds"
    workspace = add(A)
    assert publish(workspace, out) == 0 and encode(out) == [A]
    theirs = out / "features" / "pose-0123456789ab" / "part-00000.parquet"
    theirs.parent.mkdir()
    pq.write_table(pa.table({"clip_id": [A], "pose": [1.0]}), theirs)
    assert publish(workspace, out) == 2
    assert f"first: '{theirs.relative_to(out)}'" in capsys.readouterr().err and theirs.is_file()
    theirs.unlink()
    theirs.parent.rmdir()
    assert len(encoded_files(out)) == 2
    with hold(out / "features" / "ecmg-0123456789ab" / LOCK):
        assert publish(workspace, out) == 3
    assert "is being filled by another run" in capsys.readouterr().err
