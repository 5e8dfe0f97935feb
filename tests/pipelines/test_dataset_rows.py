"""Rows of a dataset, from stores of many parts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from leitmotif.pipelines import dataset_rows
from leitmotif.pipelines.dataset_rows import RowReader
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.storage import parquet, table
from leitmotif.taxonomy import labels

Tagged = Callable[..., Ledger]


@pytest.fixture
def tagged(
    workspace: Workspace,
    plan: Plan,
    catalogue: Callable[..., list[str]],
    measure: Callable[..., Stores],
    monkeypatch: pytest.MonkeyPatch,
) -> Tagged:
    """Catalogue files, and store the numbers of each in parts of its own."""

    def tagged(**contents: str) -> Ledger:
        scores = {"scores": [0.0] * len(labels.load().all_tags())}
        for clip in catalogue(**contents):
            measure([clip], tagging={clip: scores})
        for name in ("a.flac", "f.zip"):
            (workspace.root / name).write_bytes(b"fLaC" + bytes(6))
        monkeypatch.setattr(dataset_rows, "unpack_frames", lambda path: [("00.jpg", b"jpeg")])
        ledger = Ledger(workspace.stores(plan))
        ledger.decide()
        return ledger

    return tagged


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The parts that are opened from here on."""
    paths: list[Path] = []

    class Spy(parquet.ParquetFile):
        def __init__(self, path: Path, **options: bool) -> None:
            paths.append(path)
            super().__init__(path, **options)

    monkeypatch.setattr(table.parquet, "ParquetFile", Spy)
    return paths


def test_a_shard_reads_no_part_that_holds_none_of_its_clips(tagged: Tagged, opened: list[Path]) -> None:
    ledger = tagged(a="a", b="b", c="c")
    first, second, third = ledger.kept()
    reader = RowReader(ledger.kinds, {entry.media_id: "r" for entry in ledger.entries})
    sizes = dict.fromkeys((entry.clip_id for entry in ledger.entries), 1)
    assert [row["clip_id"] for _, row in reader.rows([first], sizes)] == [first.clip_id]
    opened.clear()
    found = [row["clip_id"] for _, row in reader.rows([second, third], sizes)]
    assert found == [second.clip_id, third.clip_id]
    parts = ledger.kinds[0].store("tagging").parts()
    assert len(parts) == 3 and len({path for path in opened if path.parent == parts[0].parent}) == 2


def test_many_shards_open_no_more_parts_than_one(tagged: Tagged, opened: list[Path]) -> None:
    ledger = tagged(**{f"c{number}": str(number) for number in range(8)})
    kept = ledger.kept()
    sizes = dict.fromkeys((entry.clip_id for entry in kept), 1)
    counts = []
    for shards in ([kept], [[entry] for entry in kept]):
        opened.clear()
        table.KNOWN.clear()
        reader = RowReader(ledger.kinds, {entry.media_id: "r" for entry in kept})
        assert len([row for shard in shards for row in reader.rows(shard, sizes)]) == 8
        counts.append(len(opened))
    assert counts[1] == counts[0]


def test_the_parts_of_the_voice_score_stand_beside_it(tagged: Tagged) -> None:
    (entry,) = tagged(a="a").kept()
    vocals = {"vocal_score": 0.5, "vocal_clap": 0.25, "vocal_tagger": 0.75}
    entry.stores.store("vocals").append([{"clip_id": entry.clip_id, **vocals}])
    entry.stores.store("events").append([{"clip_id": entry.clip_id, "music": 1.0, "voices": 0.5}])
    reader = RowReader([entry.stores], {entry.media_id: "r"})
    ((_, row),) = reader.rows([entry], {entry.clip_id: 1})
    assert {name: row[name] for name in (*vocals, "voice_peak")} == vocals | {"voice_peak": 0.5}
