"""A workspace goes on with its own plan; what is asked for by name comes on top."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.publish import publish
from leitmotif.pipelines.saved_plan import load_plan, read_plan
from leitmotif.pipelines.settings import change_thresholds, make_plan
from leitmotif.pipelines.succession import changes, describe_plan, next_plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import UserError

FORMER = make_plan("music-track", "embedded", ["vocal.threshold=0.4"], window_s=10.0)


def test_a_setting_comes_on_top_of_recipe_profile_window_and_earlier_settings() -> None:
    plan = next_plan(FORMER, settings=["instruments.threshold=0.4"])
    assert (plan.recipe, plan.profile, plan.window_s) == ("music-track", "embedded", 10.0)
    assert plan.rules["vocal"] == 0.4
    assert plan.tags["instruments"].threshold == 0.4
    assert plan.settings == ("vocal.threshold=0.4", "instruments.threshold=0.4")
    assert next_plan(plan) == plan


def test_the_last_of_two_settings_holds() -> None:
    plan = next_plan(next_plan(FORMER, settings=["vocal.threshold=0.9"]), settings=["vocal.threshold=0.2"])
    assert plan.settings == ("vocal.threshold=0.2",)
    assert plan.rules["vocal"] == 0.2


def test_a_setting_without_a_value_is_that_of_recipe_and_profile_again(tmp_path: Path) -> None:
    plain = make_plan("music-video", "embedded", window_s=10.0, device="auto")
    sets = ["motion.threshold=0.9", "frames.count=2", "moods.top=1", "splits.test=0.3", "pam.threshold=0.1"]
    plan = next_plan(plain, settings=sets)
    assert "pam" in plan.rules and "pam" not in plain.rules
    one = next_plan(plan, settings=["motion.threshold="])
    assert one.settings == tuple(sets[1:])
    assert (one.rules["motion"], one.rules["pam"]) == (plain.rules["motion"], 0.1)
    assert list(changes(plan, one)) == ["without motion.threshold=0.9"]
    empty = [f"{text.partition('=')[0]}=" for text in sets]
    assert next_plan(plan, settings=empty) == plain
    assert next_plan(plan, settings=empty, recipe="music-video") == plain
    assert next_plan(None, recipe="music-video", settings=[*sets, *empty], window_s=10.0) == plain
    on_gpu = next_plan(plan, settings=["tagging.device=cpu"], device="cuda:1")
    assert next_plan(on_gpu, settings=["tagging.device="]).stages["tagging"]["device"] == "auto"
    assert change_thresholds(plan, ["motion.threshold="]) == one
    with pytest.raises(UserError, match=r"did you mean motion\.threshold"):
        next_plan(plan, settings=["motion.treshold="])
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump({"stages": {"frames": {"count": 4}}}))
    own = next_plan(None, profile=str(mine), settings=["frames.count=2"])
    with pytest.raises(UserError, match="give it as well: --profile FILE"):
        next_plan(own, settings=["frames.count="])
    assert next_plan(own, profile=str(mine), settings=["frames.count="]).stages["frames"]["count"] == 4


def test_another_recipe_or_profile_is_taken_by_name_alone_and_earlier_settings_stay() -> None:
    other = next_plan(FORMER, profile="paper")
    assert (other.recipe, other.profile, other.window_s) == ("music-track", "paper", 10.0)
    assert other.rules["vocal"] == 0.4
    assert other.stages["quality"]["backend"] == "ms-clap"
    video = next_plan(FORMER, recipe="music-video")
    assert (video.recipe, video.settings) == ("music-video", ())  # which has no rule against voices
    assert list(changes(FORMER, video)) == [
        "recipe music-video instead of music-track",
        "without vocal.threshold=0.4",
    ]


def test_a_window_of_zero_takes_whole_sources_again() -> None:
    plan = next_plan(FORMER, window_s=0)
    assert plan.window_s is None
    assert list(changes(FORMER, plan)) == ["whole sources instead of clips of 10 s"]


def test_a_device_holds_until_another_is_named_and_below_a_setting() -> None:
    plan = next_plan(None, device="cuda:1", settings=["vision.device=cpu"])
    assert (plan.stages["tagging"]["device"], plan.stages["vision"]["device"]) == ("cuda:1", "cpu")
    assert next_plan(plan) == plan
    again = next_plan(plan, device="auto")
    assert (again.stages["tagging"]["device"], again.stages["vision"]["device"]) == ("auto", "cpu")


def test_a_profile_of_the_users_own_is_kept_and_asked_for_where_it_is_needed(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text(yaml.safe_dump({"stages": {"frames": {"count": 4}}}))
    plan = next_plan(None, recipe="music-video", profile=str(profile))
    assert next_plan(plan, settings=["moods.top=1"]).stages["frames"]["count"] == 4
    with pytest.raises(UserError, match="profile 'mine' is a file of yours; give it as well: --profile FILE"):
        next_plan(plan, recipe="music-track")


def test_a_plan_is_read_back_from_a_workspace_or_a_dataset(tmp_path: Path) -> None:
    saved = tmp_path / "plan.yaml"
    saved.write_text(FORMER.save())
    published = tmp_path / "recipe.yaml"
    beside = {"version": "1.0", "fingerprints": {"probe": "ab"}, "models": {}}
    published.write_text(yaml.safe_dump(beside | FORMER.model_dump(mode="json")))
    assert read_plan(saved) == read_plan(published) == FORMER
    assert describe_plan(FORMER) == (
        "recipe music-track, profile embedded, clips of 10 s, vocal.threshold=0.4"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("just words", "has no stages"),
        ("stages: [probe]", "has no stages"),
        ("{", "not YAML"),
        ("stages: {prob: {}}", "did you mean probe"),
        ("stages: {probe: {}}", "is missing; give it a value"),
    ],
)
def test_a_file_that_is_no_plan_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=said) as error:
        read_plan(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(tmp_path / "none.yaml")


def test_thresholds_of_a_publication_are_noted_as_set() -> None:
    assert change_thresholds(FORMER, ["pam.threshold=0.1"]).settings == (
        "vocal.threshold=0.4",
        "pam.threshold=0.1",
    )


def test_a_plan_of_an_earlier_version_without_notes_of_what_was_set_goes_on() -> None:
    values = FORMER.model_dump(mode="json")
    del values["settings"]
    plan = next_plan(load_plan(yaml.safe_dump(values)), settings=["moods.top=1"])
    assert (plan.recipe, plan.rules["vocal"], plan.tags["moods"].top) == ("music-track", 0.4, 1)


def test_a_setting_with_which_a_stage_refuses_to_run_is_not_the_workspace_s(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soundfile.write(tmp_path / "a.wav", np.sin(np.arange(44100) / 7) * 0.1, 44100)
    plan = make_plan("music-track", "embedded", ["too-short.threshold=60"])
    workspace = Workspace(tmp_path / "ws")
    assert curate([tmp_path / "a.wav"], workspace, plan).rejected == 1

    def refusing(batches: object) -> object:
        raise UserError("got model nobody/nothing; give a local folder")

    asked = next_plan(workspace.plan(), settings=["too-short.threshold=0.5", "tagging.model=nobody/nothing"])
    with pytest.raises(UserError, match="give a local folder"):
        curate([], workspace, asked, run=refusing)
    assert workspace.plan() == plan
    assert f"{workspace.root} keeps the plan it had" in caplog.text


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        ("dataset", ["manifest.json", "recipe.yaml"]),
        ("training run", ["settings.json", "checkpoints"]),
        ("survey", ["key.json", "questionnaire"]),
    ],
)
def test_a_folder_of_another_kind_does_not_become_a_workspace(
    tmp_path: Path, kind: str, marks: list[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    folder = tmp_path / "other"
    folder.mkdir()
    for name in marks:
        (folder / name).write_text("{}")
    with pytest.raises(UserError, match=rf"is a {kind}; give the workspace a folder of its own"):
        curate([tmp_path / "a.wav"], Workspace(folder), make_plan("music-track", "embedded"))
    assert sorted(path.name for path in folder.iterdir()) == sorted(marks)


def test_nothing_is_made_inside_a_workspace_or_a_dataset(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-track", "embedded")
    curate([tmp_path / "a.wav"], workspace, plan)
    with pytest.raises(UserError, match=r"ds' lies in a workspace .*--out .*ws-dataset"):
        publish(workspace, tmp_path / "ws" / "ds", plan)
    with pytest.raises(UserError, match=r"deep/ws' lies in a workspace"):
        curate([tmp_path / "a.wav"], Workspace(tmp_path / "ws" / "deep" / "ws"), plan)
    assert not (tmp_path / "ws" / "ds").exists()
    assert not (tmp_path / "ws" / "deep").exists()


def test_the_media_do_not_become_a_workspace(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    with pytest.raises(UserError, match=r"--out is the source folder .*leitmotif-work"):
        curate([tmp_path], Workspace(tmp_path), make_plan("music-track", "embedded"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_workspace_that_begins_among_other_files_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws/thesis.tex").touch()
    for _ in range(2):
        curate([tmp_path / "a.wav"], Workspace(tmp_path / "ws"), make_plan("music-track", "embedded"))
    assert caplog.text.count("holds 1 other file already (thesis.tex)") == 1


def test_a_dataset_in_which_a_workspace_lies_is_not_replaced(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    workspace, out = Workspace(tmp_path / "ws"), tmp_path / "both"
    curate([tmp_path / "a.wav"], workspace, make_plan("music-track", "embedded"))
    out.mkdir()
    for name in ("manifest.json", "recipe.yaml", "plan.yaml", "catalog"):
        (out / name).write_text("{}")
    with pytest.raises(UserError, match="holds a workspace, which nothing replaces"):
        publish(workspace, out, workspace.plan())
    assert (out / "plan.yaml").is_file()
