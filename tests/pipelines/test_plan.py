from dataclasses import replace
from pathlib import Path

import pytest

from leitmotif.filters import rule
from leitmotif.pipelines.documents import HERE
from leitmotif.pipelines.saved_plan import load_plan
from leitmotif.pipelines.settings import change_thresholds, make_plan
from leitmotif.pipelines.succession import next_plan
from leitmotif.storage.errors import UserError


def test_every_shipped_recipe_makes_a_plan_with_every_setting_filled_in() -> None:
    plan = make_plan("music-video", "embedded")
    assert [*plan.stages][0::13] == ["probe", "caption"]
    assert plan.stages["tagging"]["model"] == "clap-mini"
    assert plan.rules["too-short"] == 1.0
    assert list(make_plan("music-track", "embedded").rules)[-3:] == ["vocal", "pam", "near-duplicate"]


def test_a_plan_survives_being_saved() -> None:
    plan = make_plan("music-video", "embedded", ["motion.mode=sampled"], window_s=30.0)
    assert load_plan(plan.save()) == plan


def test_a_setting_overrules_recipe_and_profile() -> None:
    plan = make_plan("music-track", "embedded", ["pam.threshold=0.8", "genres.top=3", "tagging.device=cuda"])
    assert plan.rules["pam"] == 0.8
    assert plan.tags["genres"].top == 3
    assert plan.stages["tagging"]["device"] == "cuda"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("motion.treshold=1", "did you mean motion.threshold?"),
        ("tagging.modle=x", "did you mean tagging.model"),
        ("motion", "expected section.key=value"),
        ("motion.threshold=lots", "setting motion.threshold: got 'lots', expected a number"),
        ("motion.threshold=2%", "got '2%', expected a number; for 2 % write 0.02"),
        ("frames.count=many", "setting frames.count: got 'many', expected a whole number"),
        ("frames.count=2.5", "setting frames.count: got 2.5, expected a whole number"),
        ("splits.uploader=maybe", "setting splits.uploader: got 'maybe', expected true or false"),
        ("motion.mode=quick", "'exact' or 'sampled'"),
        ("splits.test=2.5", "expected a share of the clips below 1, or a whole number"),
        ("splits.test=0.95", "validation and test take everything; leave some for train"),
        ("vocals.threshold=0.5", "did you mean vocal.threshold"),
        ("motion.threshold=nan", "setting motion.threshold: got 'nan', expected a finite number"),
        ("motion.threshold=.inf", "setting motion.threshold: got inf, expected a finite number"),
        ("motion.threshold=95", "got motion.threshold 95, expected 0..1; for 95 % write 0.95"),
        ("pam.threshold='95'", "got pam.threshold 95, expected 0..1; for 95 % write 0.95"),
        ("vocal.threshold=-0.5", "got vocal.threshold -0.5, expected 0..1"),
        ("silence.threshold=60", "got silence.threshold 60, expected 0 or less"),
        ("too-short.threshold=-1", "got too-short.threshold -1, expected 0 or more"),
        ("video-stream.threshold=2", "got video-stream.threshold 2, expected 0..1"),
        ("moods.threshold=2", "setting moods.threshold: got 2, expected less than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_one_line_with_the_near_ones(setting: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        make_plan("music-video", "embedded", [setting])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_threshold_beyond_its_domain_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    said = "got pam.threshold 95, expected 0..1; for 95 % write 0.95"
    plan = make_plan("music-track", "embedded")
    with pytest.raises(UserError, match=said):
        change_thresholds(plan, ["pam.threshold=95"])
    recipe = tmp_path / "mine.yaml"
    shipped = (HERE / "recipes" / "music-track.yaml").read_text(encoding="utf-8")
    recipe.write_text(
        shipped.replace("- near-duplicate\n", "- near-duplicate: 95\n").replace(
            "name: music-track", "name: mine"
        )
    )
    with pytest.raises(UserError, match=r"got near-duplicate.threshold 95, expected 0\.\.1"):
        make_plan(str(recipe), "embedded")
    saved = tmp_path / "plan.yaml"
    saved.write_text(plan.model_copy(update={"rules": {**plan.rules, "pam": 95.0}}).save())
    with pytest.raises(UserError, match=said):
        next_plan(None, saved=saved)
    former = load_plan(saved.read_text())
    assert change_thresholds(former, ["pam.threshold=0.95"]).rules["pam"] == 0.95, "the way out stays open"


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"mean music-video\? expected auto or music-track or music-video"):
        make_plan("music-vidoe", "embedded")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: {taging: {model: x}}", "did you mean tagging"),
        ("stage: {}", "did you mean stages"),
        ("stages: {tagging: {modell: x}}", "did you mean tagging.model"),
        ("stages: [", "is not YAML"),
        ("words", "expected keys such as"),
        ("stages: {tagging: clap}", "expected settings"),
    ],
)
def test_a_profile_file_with_a_typo_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        make_plan("music-video", str(path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_thresholds_change_and_measurements_do_not() -> None:
    plan = make_plan("music-video", "embedded")
    changed = change_thresholds(plan, ["motion.threshold=0.5", "splits.test=0.2"])
    assert changed.rules["motion"] == 0.5
    assert changed.stages == plan.stages
    with pytest.raises(UserError, match=r"run `leitmotif curate --out WS --set motion\.mode=sampled`"):
        change_thresholds(plan, ["motion.mode=sampled"])


@pytest.mark.parametrize("recipe", ["music-video", "music-track"])
def test_the_threshold_of_a_rule_that_the_recipe_measures_but_does_not_name_adds_the_rule(
    recipe: str,
) -> None:
    plan = make_plan(recipe, "embedded")
    changed = change_thresholds(plan, ["pam.threshold=0.9", "vocal.threshold=0.2"])
    assert changed.rules == plan.rules | {"pam": 0.9, "vocal": 0.2}
    assert changed.stages == plan.stages
    assert make_plan(recipe, "embedded", ["pam.threshold=0.9", "vocal.threshold=0.2"]).rules == changed.rules


def test_the_threshold_of_a_rule_that_the_recipe_does_not_measure_is_one_line() -> None:
    plan = make_plan("music-track", "embedded")
    for setting in ("motion.threshold=0.1", "text.threshold=0.1"):
        with pytest.raises(
            UserError, match="judges what stage 'motion' measures, and this recipe has no such"
        ):
            change_thresholds(plan, [setting])


def test_the_caption_stage_is_also_called_captioning():
    plan = make_plan("music-video", "embedded", ["captioning.prompt=grammar-sentence-v1"])
    assert plan.stages["caption"]["prompt"] == "grammar-sentence-v1"


def test_a_rule_over_a_number_that_no_stage_stores_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = rule.discover()
    wrong = replace(known["too-short"], name="too-fast", stage="rhythm", column="bpm", values=None)
    monkeypatch.setattr(rule, "discover", lambda: known | {"too-fast": wrong})
    with pytest.raises(UserError, match=r"rule too-fast asks for column 'bpm' of stage 'rhythm'; .*tempo"):
        make_plan("music-track", "embedded", ["too-fast.threshold=9"])


def test_a_number_little_above_one_is_not_taken_for_percent() -> None:
    with pytest.raises(UserError) as caught:
        make_plan("music-video", "embedded", ["pam.threshold=1.2"])
    assert str(caught.value).endswith("expected 0..1")


def test_what_a_recipe_states_holds_under_every_profile(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "stages: [probe, audio, tagging, vocals, quality]\ntrack: audio\nrules: [vocal: 0.05, pam]\n"
        "tags: {moods: {threshold: 0.3}}\n"
    )
    for profile in ("embedded", "paper"):
        plan = make_plan(str(recipe), profile)
        shipped = make_plan("music-track", profile)
        assert plan.rules == {"vocal": 0.05, "pam": shipped.rules["pam"]}
        assert plan.tags["moods"].threshold == 0.3
        assert plan.tags["genres"] == shipped.tags["genres"]
    assert make_plan(str(recipe), "embedded", ["vocal.threshold=0.2"]).rules["vocal"] == 0.2
