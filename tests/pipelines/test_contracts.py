"""What holds for every rule, stage and recipe that is found."""

import pickle
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from leitmotif.filters import rule as filters_rule
from leitmotif.music.render import render_music
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import keyed_by
from leitmotif.pipelines.stages import STAGES
from leitmotif.taxonomy import labels as taxonomy_labels

REPOSITORY = Path(__file__).resolve().parents[2]
RULES = filters_rule.discover()
RECIPES = sorted(path.stem for path in (REPOSITORY / "pipelines" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("name", RULES)
def test_every_rule_judges_a_number_that_its_stage_stores(name: str) -> None:
    rule = RULES[name]
    columns = STAGES[rule.stage].COLUMNS
    assert rule.column in columns.names or (rule.relative and rule.values is not None)
    assert rule.why and rule.unit


@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_one_side_its_threshold_and_what_is_not_known(name: str) -> None:
    rule = RULES[name]
    step = 1.0 if rule.keep == "at least" else -1.0
    values = pa.array([rule.threshold - step, rule.threshold, rule.threshold + step, None], pa.float64())
    assert rule.passes(values, rule.threshold).to_pylist() == [False, True, True, True]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_the_shape_of_one(name: str) -> None:
    stage = STAGES[name]
    assert name == stage.NAME and stage.VERSION >= 1 and stage.BATCH >= 1
    assert set(stage.READS) <= {*STAGES, "track"}
    assert not {"clip_id", "error", "message"} & set(stage.COLUMNS.names)
    assert keyed_by(stage) in ("clip_id", "media_id")
    assert stage.SETTINGS()


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_reads_only_what_came_before_and_pickles_cheaply(recipe: str) -> None:
    for plan in make_plan(recipe, "embedded").parts():
        check(plan)


def check(plan: Plan) -> None:
    before: set[str] = set()
    for name in plan.stages:
        stage = STAGES[name](plan)
        assert {plan.track if read == "track" else read for read in stage.READS} <= before
        assert len(pickle.dumps(stage)) < 20_000
        before.add(name)
    assert {RULES[rule].stage for rule in plan.rules} <= before


def test_the_shipped_profile_names_only_what_there_is() -> None:
    document = yaml.safe_load((REPOSITORY / "pipelines" / "profiles" / "embedded.yaml").read_text())
    assert set(document["stages"]) <= set(STAGES)
    assert set(document.get("rules", {})) <= set(RULES)


def test_the_demo_speaks_the_taxonomy() -> None:
    labels = taxonomy_labels.load()
    known = {label.id for label in (*labels.instruments, *labels.genres, *labels.moods, *labels.vocals)}
    for seed in range(12):
        truth = render_music(seed, duration_s=2.0).truth
        assert {*truth.instruments, *truth.moods, *truth.vocals} <= known
        assert truth.genre is None or truth.genre in known
