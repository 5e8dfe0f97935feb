from collections.abc import Callable
from pathlib import Path

import pytest

from leitmotif.pipelines.advice import advise
from leitmotif.pipelines.entries import CatalogEntry
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.settings import change_thresholds, make_plan
from leitmotif.pipelines.workspace import Stores, Workspace

Catalogue = Callable[..., list[str]]
Measure = Callable[..., Stores]


def decided(stores: Stores) -> Ledger:
    ledger = Ledger(stores)
    ledger.decide()
    return ledger


def test_a_clip_that_passes_everything_is_kept(catalogue: Catalogue, measure: Measure) -> None:
    ledger = decided(measure(catalogue(a="1")))
    assert ledger.counts() == {"catalogued": 1, "kept": 1, "rejected": 0, "quarantined": 0, "pending": 0}


def test_every_catalogued_clip_ends_exactly_once(catalogue: Catalogue, measure: Measure) -> None:
    ids = catalogue(a="1", b="2", c="3", d="1")
    stores = measure(
        ids,
        motion={ids[1]: {"mean": 0.0}},
        audio={ids[2]: {"error": "DecodeFailed", "message": "broken"}},
        separation={ids[2]: None},
    )
    ledger = decided(stores)
    counts = ledger.counts()
    assert counts == {"catalogued": 4, "kept": 1, "rejected": 2, "quarantined": 1, "pending": 0}
    fates = {entry.source_id: entry.outcome for entry in ledger.entries}
    assert (fates["b.mp4"].rule, fates["b.mp4"].value) == ("motion", 0.0)
    assert fates["b.mp4"].threshold == stores.plan.rules["motion"]
    assert (fates["c.mp4"].stage, fates["c.mp4"].error, fates["c.mp4"].message) == (
        "audio",
        "DecodeFailed",
        "broken",
    )
    assert fates["d.mp4"].rule == "exact-duplicate"
    assert fates["d.mp4"].detail == "the same bytes as a.mp4"


def test_of_copies_the_one_goes_on_of_which_most_is_known(
    tmp_path: Path, catalogue: Catalogue, measure: Measure
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/b.info.json").write_text('{"title": "Vibe", "artist": "Ann", "license": "CC0-1.0"}')
    (tmp_path / "source/c.info.json").write_text('{"license": "CC-BY-4.0"}')
    ledger = decided(measure(catalogue(a="1", b="1", c="1")))
    assert [(entry.source_id, entry.source.license) for entry in ledger.kept()] == [("b.mp4", "CC0-1.0")]
    rejected = {entry.source_id: entry.outcome.detail for entry in ledger.entries if entry.outcome.rule}
    assert rejected == dict.fromkeys(("a.mp4", "c.mp4"), "the same bytes as b.mp4")
    assert advise(ledger, ledger.kinds[0].plan) == [
        "1 copy has another licence or artist than the file with the same bytes that goes on (first: c.mp4 "
        "and b.mp4); state the right one with --metadata TABLE"
    ]


def test_a_copy_that_comes_later_takes_over_no_name_wherever_it_sorts(
    tmp_path: Path, catalogue: Catalogue, measure: Measure
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/m.info.json").write_text('{"title": "Vibe", "artist": "Ann"}')
    measure(catalogue(m="1", n="2", o="2"))
    (tmp_path / "source/a.info.json").write_text('{"title": "Repaired", "artist": "Bob"}')
    stores = measure(catalogue(a="1", m="1", n="2", o="2"))

    def names() -> dict[str, str | None]:
        return {entry.source_id: entry.source.artist for entry in decided(stores).kept()}

    # Of those that came together the first by path goes on, as ever.
    assert names() == {"m.mp4": "Ann", "n.mp4": None}
    # What is stated otherwise of a file does not make it a later one.
    (tmp_path / "source/m.info.json").write_text('{"title": "Vibes", "artist": "Anne"}')
    catalogue(b="1")
    assert names() == {"m.mp4": "Anne", "n.mp4": None}
    # A file that had other bytes meanwhile comes anew.
    catalogue(n="3")
    assert names() == {"m.mp4": "Anne", "o.mp4": None}
    catalogue(n="2")
    assert names() == {"m.mp4": "Anne", "o.mp4": None}


def test_the_first_rule_that_fails_gives_the_reason(catalogue: Catalogue, measure: Measure) -> None:
    (clip,) = catalogue(a="1")
    ledger = decided(measure([clip], probe={clip: {"has_audio": 0, "duration_s": 0.5}}))
    assert ledger.entries[0].outcome.rule == "audio-stream"


def test_moving_a_threshold_moves_clips_without_measuring(
    workspace: Workspace, catalogue: Catalogue, measure: Measure
) -> None:
    ids = catalogue(a="1", b="2")
    stores = measure(ids, motion={ids[0]: {"mean": 0.05}})
    stricter = workspace.stores(change_thresholds(stores.plan, ["motion.threshold=0.07"]))
    assert stricter.fingerprints == stores.fingerprints
    assert decided(stores).counts()["kept"] == 2
    assert decided(stricter).counts()["kept"] == 1


def test_a_clip_that_a_looser_threshold_lets_in_is_pending_until_it_is_measured(
    workspace: Workspace, catalogue: Catalogue, measure: Measure
) -> None:
    (clip,) = catalogue(a="1")
    later = [name for name in make_plan("music-video", "embedded").stages if name not in ("probe", "motion")]
    stores = measure([clip], motion={clip: {"mean": 0.0}}, **{name: {clip: None} for name in later})
    assert decided(stores).counts()["rejected"] == 1
    looser = workspace.stores(change_thresholds(stores.plan, ["motion.threshold=0"]))
    assert decided(looser).counts()["pending"] == 1


@pytest.mark.parametrize("measure_all", [False, True])
def test_dear_stages_skip_what_fails_already_unless_all_is_asked_for(
    catalogue: Catalogue, measure: Measure, measure_all: bool
) -> None:
    ids = catalogue(a="1", b="2")
    stores = measure(ids, motion={ids[1]: {"mean": 0.0}})
    asked: dict[str, list[str]] = {}

    def compute(stage: str, entries: list[CatalogEntry]) -> None:
        asked[stage] = [entry.clip_id for entry in entries]

    Ledger(stores).decide(compute=compute, measure_all=measure_all)
    assert asked["motion"] == sorted(ids)
    assert asked["separation"] == (sorted(ids) if measure_all else [ids[0]])


def test_windows_cover_the_source_and_are_clips_of_their_own(
    workspace: Workspace, catalogue: Catalogue, measure: Measure
) -> None:
    ids = catalogue(a="1")
    plan = make_plan("music-video", "embedded", window_s=8.0)
    stores = measure(ids, plan)
    ledger = decided(stores)
    assert [(entry.start_s, entry.duration_s) for entry in ledger.entries] == [(0, 8), (8, 8), (16, 4)]
    assert len({entry.clip_id for entry in ledger.entries}) == 3
    assert ledger.counts()["pending"] == 3


def test_a_window_that_is_too_short_is_rejected_by_its_own_length(
    workspace: Workspace, catalogue: Catalogue, measure: Measure
) -> None:
    ids = catalogue(a="1")
    stores = measure(ids, make_plan("music-video", "embedded", window_s=19.5))
    fates = [entry.outcome for entry in decided(stores).entries]
    assert (fates[1].rule, fates[1].value) == ("too-short", 0.5)


def test_a_store_belongs_to_its_settings_model_and_what_it_reads(workspace: Workspace) -> None:
    plain = workspace.stores(make_plan("music-video", "embedded")).fingerprints
    other = workspace.stores(make_plan("music-video", "embedded", ["frames.count=5"])).fingerprints
    changed = {name for name in plain if plain[name] != other[name]}
    assert changed == {"frames", "overlay-text", "vision"}
    track = workspace.stores(make_plan("music-track", "embedded")).fingerprints
    assert track["audio"] == plain["audio"]
    assert track["tagging"] != plain["tagging"]
    limit = workspace.stores(make_plan("music-video", "embedded", ["motion.limit_s=5"])).fingerprints
    assert limit == plain
