"""A workspace is looked at and published where the models that measured it are not, and without torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from leitmotif.cli.main import main
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.workspace import PLAN, Workspace
from leitmotif.storage.errors import UserError
from leitmotif.weights.resolve import resolve_model
from tests.pipelines.test_publish_empty import make_workspace
from tests.pipelines.test_takedown import fill

# Of clap-mini.
DIM = 128


def curated(root: Path, *settings: str) -> tuple[Workspace, Plan]:
    """Return a workspace of two videos, measured by hand, that a run found complete."""
    workspace, ids = make_workspace(root, "ab")
    plan = make_plan("music-video", "embedded", settings)
    fill(workspace, plan, ids, dim=DIM)
    assert curate([], workspace, plan).computed == {}
    return workspace, plan


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A workspace whose CLAP model is not there any more."""
    shutil.copytree(resolve_model("clap-mini"), tmp_path / "clap")
    workspace, _ = curated(tmp_path, f"tagging.model={tmp_path / 'clap'}")
    shutil.rmtree(tmp_path / "clap")
    return workspace.root


def test_a_workspace_is_published_reported_and_shown_without_its_models(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = bare.parent / "dataset"
    assert main(["publish", str(bare), "--out", str(dataset)]) == 0
    assert main(["report", str(bare)]) == 0
    capsys.readouterr()
    assert main(["status", str(bare), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["kept"] == 2
    recipe = yaml.safe_load((dataset / "recipe.yaml").read_text())
    assert recipe["models"]["tagging"].startswith(f"{bare.parent / 'clap'}@")


def test_other_tags_are_judged_without_the_models_and_the_captions_are_refused(bare: Path) -> None:
    workspace = Workspace(bare)
    plan = make_plan("music-video", "embedded", [*workspace.plan().settings, "moods.top=2"])
    now, before = workspace.stores(plan), workspace.stores(workspace.plan())
    assert now.models == before.models
    changed = {name for name in plan.stages if now.fingerprints[name] != before.fingerprints[name]}
    assert changed == {"caption"}


def test_a_run_looks_for_the_models_again_and_says_which_is_missing(bare: Path) -> None:
    workspace = Workspace(bare)
    with pytest.raises(UserError, match=r"^tagging: .*clap"):
        curate([], workspace, workspace.plan())
    assert workspace.known_models()["tagging"] is not None


def test_a_run_with_another_model_needs_none_of_the_former_one(
    bare: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace, plan = Workspace(bare), make_plan("music-video", "embedded")
    with caplog.at_level("INFO", "leitmotif.pipelines"), pytest.raises(StopIteration):
        curate([], workspace, plan, run=lambda batches: iter(()).__next__())
    assert "2 clips measured before are measured anew, for their settings changed: tagging" in caplog.text


def test_a_stage_of_another_version_is_not_taken_for_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, plan = curated(tmp_path)
    before = workspace.stores(plan).fingerprints
    monkeypatch.setattr(STAGES["vocals"], "VERSION", STAGES["vocals"].VERSION + 1)
    after = workspace.stores(plan).fingerprints
    assert {name for name in before if before[name] != after[name]} == {"vocals", "caption"}


def test_the_plan_of_a_former_version_names_no_models_and_is_read_with_those_that_are_here(
    tmp_path: Path,
) -> None:
    workspace, plan = curated(tmp_path)
    noted = workspace.stores(plan)
    (workspace.root / PLAN).write_text(plan.save())
    assert workspace.known_models() == {}
    found = workspace.stores(plan)
    assert (found.models, found.fingerprints) == (noted.models, noted.fingerprints)
    values = yaml.safe_load(plan.save()) | {"models": ["clap-mini"]}
    (workspace.root / PLAN).write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"plan\.yaml': setting models: got \['clap-mini'\]"):
        workspace.stores(plan)


def test_publishing_and_looking_import_no_torch(tmp_path: Path) -> None:
    workspace, _ = curated(tmp_path)
    dataset = tmp_path / "dataset"
    look = (
        "import sys; from leitmotif.cli.main import main; "
        "codes = [main(words.split(chr(10))) for words in sys.argv[1:]]; "
        "print(*map(int, codes), {'torch', 'transformers', 'prefect', 'distributed'} & {*sys.modules})"
    )
    commands = [
        ["publish", str(workspace.root), "--out", str(dataset)],
        ["status", str(workspace.root)],
        ["report", str(workspace.root)],
        ["takedown", str(dataset), "a.mp4", "--workspace", str(workspace.root)],
    ]
    run = [sys.executable, "-c", look, *map("\n".join, commands)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["0 0 0 0 set()"], done.stderr
