"""The stage `fingerprint` was called `prints`: plans, recipes, stores and datasets of then are read."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from leitmotif.pipelines.documents import tell_of_renamed
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.saved_plan import load_plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.renamed import stage_now
from leitmotif.shards.schema import REJECTED

SAID = "'prints' is 'fingerprint' now"


@pytest.fixture(autouse=True)
def unsaid() -> None:
    """Have it said again: it is said once in a process."""
    tell_of_renamed.cache_clear()


def of_then(plan: Plan) -> str:
    """Return a plan as it was saved when the stage had its former name."""
    return plan.save().replace("fingerprint", "prints")


@pytest.mark.parametrize("recipe", ["music-video", "auto"])
def test_a_plan_of_then_is_the_plan_of_now_and_one_line_says_so(
    recipe: str, caplog: pytest.LogCaptureFixture
) -> None:
    plan = make_plan(recipe, "embedded")
    assert "fingerprint" in plan.stages
    with caplog.at_level(logging.WARNING):
        assert load_plan(of_then(plan)) == load_plan(of_then(plan)) == plan
    assert [record.getMessage().count(SAID) for record in caplog.records] == [1]
    caplog.clear()
    assert load_plan(plan.save()) == plan and not caplog.records


def test_a_recipe_and_a_profile_of_then_are_read_and_a_line_says_so_of_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = {
        "stages": ["probe", "audio", "tagging", "prints"],
        "track": "audio",
        "rules": ["near-duplicate"],
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe))
    (tmp_path / "models.yaml").write_text("stages: {prints: {}}")
    with caplog.at_level(logging.WARNING):
        plan = make_plan(str(tmp_path / "mine.yaml"), str(tmp_path / "models.yaml"))
    assert [*plan.stages] == ["probe", "audio", "tagging", "fingerprint"]
    assert [SAID in record.getMessage() for record in caplog.records] == [True, True]


def test_what_was_measured_under_the_former_name_is_not_measured_again(
    workspace: Workspace, plan: Plan, catalogue: Callable[..., list[str]], measure: Callable[..., Stores]
) -> None:
    stores = measure(catalogue(a="1"))
    audio = stores.fingerprints["audio"]
    identity = {"stage": "prints", "version": 1, "settings": {}, "model": None, "reads": {"audio": audio}}
    text = json.dumps(identity, sort_keys=True).encode()
    name = f"prints-{hashlib.blake2b(text, digest_size=6).hexdigest()}"
    assert stores.folder("fingerprint") == workspace.root / "stages" / name
    assert (workspace.root / "stages" / name).is_dir()


def test_a_dataset_of_then_is_read_with_the_names_of_now(tmp_path: Path) -> None:
    pq.write_table(REJECTED.empty_table(), tmp_path / "rejected.parquet")
    (tmp_path / "recipe.yaml").write_text(of_then(make_plan("music-track", "embedded")))
    quarantined = {"clip_id": ["a"], "source_id": ["a.mp4"], "source": ["a.mp4"], "stage": ["prints"]}
    table = pa.table(quarantined | {"error": ["OSError"], "message": ["it broke"]})
    pq.write_table(table, tmp_path / "quarantine.parquet")
    dataset = Dataset(tmp_path)
    assert "fingerprint" in dataset.recipe["stages"] and "prints" not in dataset.recipe["stages"]
    assert dataset.side_table("quarantine")["stage"].to_pylist() == ["fingerprint"]
    assert stage_now("audio") == "audio"
