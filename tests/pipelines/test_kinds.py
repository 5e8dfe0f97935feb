"""A plan by kinds of files: films go by one recipe, sound by another, in one ledger and one dataset."""

from collections.abc import Callable

import pyarrow.parquet as pq
import pytest
import yaml

from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.measured import measured_table
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.saved_plan import load_plan
from leitmotif.pipelines.settings import change_settings, change_thresholds, make_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.reports.card import compose_card
from leitmotif.reports.card_preview import Preview
from leitmotif.reports.figures.png import draw_card
from leitmotif.reports.figures.quality import draw_rules
from leitmotif.reports.page import funnel_steps
from leitmotif.reports.source import open_source
from leitmotif.reports.statistics.measure import measure as measure_source
from leitmotif.shards.dataset import Dataset
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy import labels
from tests.pipelines.conftest import GOOD

Catalogue = Callable[..., list[str]]
PLAN = make_plan("auto", "embedded")


@pytest.fixture
def mixed(workspace: Workspace, catalogue: Catalogue) -> dict[str, str]:
    """Two films, of which one stands still, and two tracks, of which one is sung; their ids by name."""
    names = ("film", "still", "sung", "track")
    ids = dict(zip(names, catalogue(**{name: name for name in names}), strict=True))
    tracks = {ids["sung"], ids["track"]}
    for number, stores in enumerate(workspace.kinds(PLAN)):
        for name, stage in stores.stages.items():
            if number and stores.folder(name) == workspace.kinds(PLAN)[0].folder(name):
                continue
            known = {field.name for field in stage.COLUMNS} & set(GOOD[name])
            shared = name in ("probe", "audio", "events", "fingerprint")
            chosen = ids.values() if shared else tracks if number else set(ids.values()) - tracks
            rows = [{"clip_id": clip, **{key: GOOD[name][key] for key in known}} for clip in sorted(chosen)]
            for row in rows:
                row |= {"has_video": int(row["clip_id"] not in tracks)} if name == "probe" else {}
                row |= {"vocal_score": 0.9} if name == "vocals" and row["clip_id"] == ids["sung"] else {}
                row |= {"scores": [0.0] * len(labels.load().all_tags())} if name == "tagging" else {}
                row |= {"mean": 0.0} if name == "motion" and row["clip_id"] == ids["still"] else {}
            stores.store(name).append(rows)
    workspace.save_plan(PLAN)
    return ids


def decided(workspace: Workspace, plan: Plan = PLAN) -> Ledger:
    ledger = Ledger(*workspace.kinds(plan))
    ledger.decide()
    return ledger


def test_every_clip_passes_the_rules_of_its_own_kind(workspace: Workspace, mixed: dict[str, str]) -> None:
    ledger = decided(workspace)
    assert ledger.counts() == {"catalogued": 4, "kept": 2, "rejected": 2, "quarantined": 0, "pending": 0}
    fates = {entry.clip_id: entry.outcome.rule for entry in ledger.entries}
    assert fates == {
        mixed["film"]: None,
        mixed["still"]: "motion",
        mixed["sung"]: "vocal",
        mixed["track"]: None,
    }


def test_the_measured_table_holds_no_number_that_a_kind_is_not_asked_for(
    workspace: Workspace, mixed: dict[str, str]
) -> None:
    rows = {row["clip_id"]: row for row in measured_table(decided(workspace)).to_pylist()}
    film, track = rows[mixed["film"]], rows[mixed["track"]]
    assert (film["recipe"], film["motion"], film["vocal"], film["stopped_at"]) == (
        "music-video",
        pytest.approx(0.1),
        None,
        None,
    )
    assert (track["recipe"], track["motion"], track["vocal"], track["stopped_at"]) == (
        "music-track",
        None,
        0.0,
        None,
    )
    assert track["video-stream"] is None and film["video-stream"] == 1.0
    stats = measure_source(open_source(workspace.root))
    only, rules = stats["asked_only"], stats["rules"]
    assert (only["motion"], only["pam"], only["vocal"], only.get("silence")) == (
        "films",
        "tracks",
        "tracks",
        None,
    )
    assert (rules["motion"]["reached"], rules["motion"]["passed"], rules["motion"]["missing"]) == (2, 1, 0)
    assert (rules["vocal"]["reached"], rules["vocal"]["passed"], rules["vocal"]["missing"]) == (2, 1, 0)
    assert rules["silence"]["reached"] == 3


def test_a_setting_holds_for_both_kinds_and_stores_are_shared(workspace: Workspace) -> None:
    video, track = workspace.kinds(make_plan("auto", "embedded", ["tagging.model=clap-mini", "moods.top=1"]))
    assert video.plan.tags["moods"].top == track.plan.tags["moods"].top == 1
    shared = {name for name in track.stages if track.folder(name) == video.folder(name)}
    assert shared == {"probe", "audio", "events", "fingerprint"}
    for stores in (video, track):
        alone = workspace.stores(make_plan(stores.plan.recipe, "embedded", ["moods.top=1"]))
        assert alone.fingerprints == stores.fingerprints
        assert list(alone.plan.rules.items()) == list(stores.plan.rules.items())


@pytest.mark.parametrize("rule", ["vocal", "pam"])
def test_a_threshold_that_is_set_is_asked_of_every_kind_that_measures_its_number(rule: str) -> None:
    sets = [f"{rule}.threshold=0.3", "motion.threshold=0.02"]
    for plan in (make_plan("auto", "embedded", sets), change_thresholds(PLAN, sets)):
        for part in (*plan.parts(), *load_plan(plan.save()).parts()):
            assert part.rules[rule] == 0.3
            assert ("motion" in part.rules) == (part.recipe == "music-video")


def test_a_threshold_that_is_no_longer_set_is_asked_of_its_own_kind_alone() -> None:
    names = ("pam", "vocal")
    changed = change_settings(PLAN, [f"{name}.threshold=0.3" for name in names])
    assert change_settings(changed, [f"{name}.threshold=" for name in names]).parts() == PLAN.parts()
    again = change_settings(changed, ["pam.threshold=", "pam.threshold=0.2"])
    assert [part.rules["pam"] for part in again.parts()] == [0.2, 0.2]


def test_a_rule_of_one_kind_is_not_asked_of_the_other_unless_it_is_set() -> None:
    video, track = PLAN.parts()
    assert "pam" not in video.rules and "pam" in track.rules
    assert load_plan(PLAN.save()) == PLAN


def test_a_threshold_set_for_publishing_rejects_films_as_well(
    workspace: Workspace, mixed: dict[str, str]
) -> None:
    ledger = decided(workspace, change_thresholds(PLAN, ["pam.threshold=1"]))
    fates = {entry.clip_id: entry.outcome.rule for entry in ledger.entries}
    assert fates[mixed["film"]] == fates[mixed["track"]] == "pam"
    rules = measure_source(open_source(workspace.root))["rules"]
    assert rules["pam"]["reached"] == 1  # the workspace's own plan asks the track alone


def test_a_mixed_workspace_is_published_as_one_dataset(
    workspace: Workspace, mixed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from leitmotif.pipelines import dataset_rows

    for name in ("a.flac", "f.zip"):
        (workspace.root / name).write_bytes(b"fLaC" + bytes(6))
    monkeypatch.setattr(dataset_rows, "unpack_frames", lambda path: [("00.jpg", b"jpeg")])
    out = workspace.root.with_name("ds")
    published = publish(workspace, out, PLAN)
    assert published.rejected_by == {"motion": 1, "vocal": 1}
    table = {
        row["clip_id"]: row
        for path in sorted((out / "data").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    }
    film, track = table[mixed["film"]], table[mixed["track"]]
    assert len(film["frames"]) == 1 and not track["frames"]
    assert film["motion"] is not None and track["motion"] is None and track["clip_embedding"] is None
    assert {"separation", "vision"} <= {row["backend"] for row in film["models"]}
    assert not {"separation", "vision"} & {row["backend"] for row in track["models"]}
    recipe = yaml.safe_load((out / "recipe.yaml").read_text())
    assert [kind["track"] for kind in recipe["kinds"]] == ["separation", "audio"]
    assert set(recipe["fingerprints"]) == {"music-video", "music-track"}
    assert "track" not in recipe
    assert load_plan((out / "recipe.yaml").read_text()) == PLAN

    stats = measure_source(open_source(out))
    card = compose_card(Dataset(out), stats, draw_card(stats), Preview({}))
    assert "| motion (films only) | " in card and "| vocal (tracks only) | 0." in card
    assert "| silence | " in card
    assert "The audio of 1 of the 2 clips" in card
    assert "motion (films only): 3 left" in draw_card(stats)[0].drawing
    only = {step["step"]: step["only"] for step in funnel_steps(stats)}
    assert (only["pam"], only["motion"], only["too-short"], only["kept"]) == ("tracks", "films", None, None)
    (pam,) = (figure for figure in draw_rules(stats) if figure.name == "rule-pam")
    assert pam.notes[0] == "Asked of tracks only."


@pytest.mark.parametrize("kinds", ["music-video", ["music-video"], ["auto", "music-track"]])
def test_a_recipe_of_wrong_kinds_is_one_line(kinds: object, tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"kinds": kinds}))
    with pytest.raises(UserError, match=r"kinds? of") as error:
        make_plan(str(path), "embedded")
    assert "\n" not in str(error.value)
