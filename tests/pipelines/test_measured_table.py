"""One row for each clip, from which the funnel can be counted again; and a workspace's statistics."""

import base64
import json
import zlib
from collections import Counter
from collections.abc import Callable

import jsonschema
import numpy as np
import pytest

from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.measured import FACTS, measured_table
from leitmotif.pipelines.settings import change_thresholds
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.reports.source import open_source
from leitmotif.reports.statistics.measure import measure as measure_source
from leitmotif.reports.statistics.schema import load_schema
from leitmotif.shards.errors import DatasetError
from leitmotif.taxonomy.labels import load

Catalogue = Callable[..., list[str]]
Measure = Callable[..., Stores]


def rows_of(stores: Stores) -> dict[str, dict]:
    ledger = Ledger(stores)
    ledger.decide()
    table = measured_table(ledger)
    assert table.column_names == [*FACTS.names, *stores.plan.rules]
    assert table.select(FACTS.names).schema.equals(FACTS)
    counts = Counter(table["fate"].to_pylist())
    assert {fate: count for fate, count in ledger.counts().items() if fate in counts} == counts
    assert sum(counts.values()) == ledger.counts()["catalogued"]
    order = sorted(ledger.entries, key=lambda entry: (entry.clip_id, entry.source.path))
    return {entry.source_id: row for entry, row in zip(order, table.to_pylist(), strict=True)}


@pytest.fixture
def five(catalogue: Catalogue, measure: Measure) -> Stores:
    """A clip that is kept, one rejected, one broken, one waiting, and a copy of the first."""
    ids = catalogue(a="1", b="2", c="3", d="4", e="1")
    count = len(load().all_tags())
    scores = np.zeros(count)
    scores[0] = 0.9
    return measure(
        ids[:4],
        probe={ids[1]: {"duration_s": 30.0}},
        motion={ids[1]: {"mean": 0.0}},
        audio={ids[1]: None, ids[2]: {"error": "DecodeFailed", "message": "broken"}},
        rhythm={ids[3]: None},
        tagging={ids[0]: {"scores": scores.tolist()}},
        **{
            stage: dict.fromkeys(ids[1:3])
            for stage in ("separation", "vocals", "quality", "fingerprint", "vision")
        },
        caption={ids[0]: {"caption": "Slow music, slow and warm."}},
    )


def test_every_clip_has_its_fate_its_numbers_and_where_measuring_stopped(five: Stores) -> None:
    rows = rows_of(five)
    facts = {name: tuple(row[key] for key in FACTS.names[1:]) for name, row in rows.items()}
    assert facts == {
        "a.mp4": (20.0, "kept", None, None, None, False),
        "b.mp4": (30.0, "rejected", "motion", "audio", None, False),
        "c.mp4": (20.0, "quarantined", "audio", "audio", None, True),
        "d.mp4": (20.0, "pending", "rhythm", "rhythm", None, False),
        "e.mp4": (20.0, "rejected", "exact-duplicate", None, None, False),
    }
    assert rows["b.mp4"]["motion"] == 0.0 and rows["a.mp4"]["motion"] == pytest.approx(0.1)
    assert rows["b.mp4"]["too-short"] == 30.0 and rows["a.mp4"]["audio-stream"] == 1.0
    assert rows["b.mp4"]["silence"] is None and rows["a.mp4"]["silence"] == -20.0


def test_a_file_that_cannot_be_read_stops_before_every_stage(catalogue: Catalogue, measure: Measure) -> None:
    ids = [clip for clip in catalogue(a="1", empty="") if clip]
    row = rows_of(measure(ids))["empty.mp4"]
    facts = row["fate"], row["step"], row["stopped_at"], row["failed"], row["duration_s"]
    assert facts == ("quarantined", "catalog", "catalog", True, None)


def test_a_rejected_copy_has_its_similarity(catalogue: Catalogue, measure: Measure) -> None:
    words = np.random.default_rng(3).integers(1, 2**32, 400, dtype=np.uint64).astype("<u4").tobytes()
    ids = catalogue(a="1", b="2")
    prints = {clip: {"audio_print": words} for clip in ids}
    rows = rows_of(measure(ids, fingerprint=prints)).values()
    assert sorted((row["fate"], row["near-duplicate"]) for row in rows) == [("kept", None), ("rejected", 1.0)]


def test_the_statistics_of_a_workspace_hold_the_whole_funnel(workspace: Workspace, five: Stores) -> None:
    workspace.save_plan(five.plan)
    stats = measure_source(open_source(workspace.root, name="ws"))
    schema = load_schema()
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(stats, allow_nan=False)))
    assert (stats["kind"], stats["dataset"], stats["recipe"]) == ("workspace", "ws", "music-video")
    counts = {"catalogued": 5, "kept": 1, "rejected": 2, "quarantined": 1, "pending": 1}
    assert stats["counts"] == counts
    assert stats["rows"] == {"kept": 1} and stats["hours"] == {"kept": round(20 / 3600, 4)}
    steps = {
        step["step"]: step
        for step in stats["funnel"]
        if step["lost"] or step["kind"] in ("catalogued", "kept")
    }
    assert list(steps) == ["catalogued", "exact-duplicate", "motion", "audio", "rhythm", "kept"]
    assert [step["clips"] for step in steps.values()] == [5, 4, 3, 2, 1, 1]
    hours = [110, 90, 60, 40, 20, 20]
    assert [step["hours"] for step in steps.values()] == pytest.approx([s / 3600 for s in hours], abs=1e-6)
    assert steps["rhythm"]["kind"] == "pending" and steps["audio"]["unknown"] == 0
    assert stats["rules"]["motion"]["reached"] == 4 and stats["rules"]["motion"]["passed"] == 3
    assert stats["rules"]["silence"]["reached"] == 2, "the broken and the rejected never reach it"
    assert stats["tags"]["instruments"] == {load().instruments[0].id: 1}
    assert stats["histograms"]["tempo_bpm"]["mean"] == 120.0
    assert stats["vocabulary"]["top"] == {"slow": 2, "and": 1, "music": 1, "warm": 1}
    assert stats["quarantined"] == {"audio": {"count": 1, "errors": {"DecodeFailed": 1}}}
    assert stats["duplicates"]["exact"]["clips"] == 1
    assert stats["embedding_map"]["clip_id"] == [_kept_id(five)]


def _kept_id(stores: Stores) -> str:
    ledger = Ledger(stores)
    ledger.decide()
    return ledger.kept()[0].clip_id


def test_the_live_table_says_what_a_looser_threshold_lets_in(workspace: Workspace, five: Stores) -> None:
    workspace.save_plan(five.plan)
    live = measure_source(open_source(workspace.root))["live"]
    data = zlib.decompress(base64.b64decode(live["data"]))
    rules = [rule["name"] for rule in live["rules"]]
    motion = np.frombuffer(data, np.uint8, live["clips"], live["clips"] * rules.index("motion"))
    stops = next(rule["stops"] for rule in live["rules"] if rule["name"] == "motion")
    assert stops[0] == 0.0 and (motion > 0).all(), "with the loosest threshold all pass"
    looser = change_thresholds(five.plan, ["motion.threshold=0"])
    ledger = Ledger(workspace.stores(looser))
    ledger.decide()
    stop = np.frombuffer(data, np.uint8, live["clips"], live["clips"] * len(rules))
    waiting = Counter(live["stages"][code // 2] for code in stop.tolist() if code != 255 and code % 2 == 0)
    assert waiting == Counter(entry.outcome.pending for entry in ledger.entries if entry.outcome.pending)


def test_a_folder_that_is_neither_is_refused(workspace: Workspace) -> None:
    workspace.root.mkdir()
    with pytest.raises(DatasetError):
        open_source(workspace.root)
