import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.arguments import PRESET_NAMES
from leitmotif.train_mmdm.settings import PRESETS, Settings, choose_settings, read_settings
from leitmotif.training.loop import count_epochs
from leitmotif.training.run import check_run
from leitmotif.training.settings import write_settings
from tests.training.minimal import MinimalSettings


def test_the_defaults_are_those_of_the_paper() -> None:
    chosen = choose_settings("internvl3-8b")
    assert (chosen.lora_rank, chosen.image_side, chosen.frames) == (16, 448, 10)
    assert (chosen.learning_rate, chosen.batch, chosen.accumulation, chosen.epochs) == (1e-6, 2, 8, 10)
    assert (chosen.top_k, chosen.top_p, chosen.temperature, chosen.precision) == (50, 1.0, 1.0, "bf16")
    assert chosen.tokens_a_frame == 256


def test_every_preset_has_the_weights_its_name_says() -> None:
    assert {name: preset.model_id for name, preset in PRESETS.items()} == {
        "tiny": None,
        "internvl3-1b": "OpenGVLab/InternVL3-1B-hf",
        "internvl3-2b": "OpenGVLab/InternVL3-2B-hf",
        "internvl3-8b": "OpenGVLab/InternVL3-8B-hf",
        "internvl3-14b": "OpenGVLab/InternVL3-14B-hf",
        "internvl2.5-8b": "OpenGVLab/InternVL2_5-8B-MPO-hf",
    }


def test_a_recipe_is_applied_before_single_changes() -> None:
    chosen = choose_settings("internvl3-1b", ["weight_decay=0.2", "recipe=internvl"])
    assert (chosen.recipe, chosen.learning_rate, chosen.weight_decay) == ("internvl", 4e-5, 0.2)


def test_passes_that_are_asked_for_are_neither_more_nor_fewer() -> None:
    assert (chosen := choose_settings("tiny", ["epochs=2"])).min_steps == 0
    assert count_epochs(chosen, steps_an_epoch=1) == 2
    assert choose_settings("tiny", ["epochs=2", "min_steps=30"]).min_steps == 30
    assert choose_settings("tiny", ["batch=4"]).min_steps == PRESETS["tiny"].min_steps > 0


def test_values_are_read_by_the_kind_of_the_setting() -> None:
    chosen = choose_settings("internvl3-1b", ["four_bit=True", "batch=4", "lora_dropout=0", "revision=none"])
    assert (chosen.four_bit, chosen.batch, chosen.lora_dropout, chosen.revision) == (True, 4, 0.0, None)


@pytest.mark.parametrize(
    ("preset", "change", "said"),
    [
        ("huge", None, "preset 'huge' is not known; expected internvl2.5-8b, internvl3-14b, internvl3-1b"),
        ("tiny", "batch", "setting 'batch' is not understood; expected key=value"),
        ("tiny", "bach=2", "setting 'bach' is not known; did you mean batch"),
        ("tiny", "preset=x", "setting 'preset' is not known"),
        ("tiny", "batch=two", "setting batch: got 'two', expected a whole number"),
        ("tiny", "batch=0", "setting batch: got 0, expected greater than or equal to 1"),
        ("tiny", "dropout=1", "setting dropout: got 1, expected less than 1"),
        ("tiny", "learning_rate=nan", "setting learning_rate: got 'nan', expected a finite number"),
        ("tiny", "flip=maybe", "setting flip: got 'maybe', expected true or false"),
        ("tiny", "image_side=60", "expected a multiple of 32"),
        ("tiny", "top_p=0", "setting top_p: got 0, expected greater than 0"),
        ("tiny", "precision=fp8", "setting precision: got 'fp8', expected 'bf16' or 'fp32'"),
        ("tiny", "recipe=best", "recipe 'best' is not known; expected internvl, paper, tiny"),
        ("tiny", "four_bit=true", "weights in 4 bits cannot be trained"),
        ("tiny", "flip=[", "the value of setting 'flip=[' is not YAML"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(preset: str, change: str | None, said: str) -> None:
    with pytest.raises(UserError) as caught:
        choose_settings(preset, [change] if change else [])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_come_back_from_their_file(tmp_path: Path) -> None:
    settings = choose_settings("internvl3-2b", ["epochs=3", "revision=abc"])
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{", '{"preset": "tiny"}', '{"preset": "tiny", "depth": 3}']
)
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "settings.json").write_text(text)
    with pytest.raises(UserError, match="give a folder that `leitmotif train mmdm` wrote") as said:
        read_settings(tmp_path)
    assert "ArgsKwargs" not in str(said.value) and "\n" not in str(said.value)


def test_a_setting_that_a_file_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"preset": "tiny"}')
    with pytest.raises(UserError, match=r"\(setting model_id is missing; give it a value\); give a folder"):
        read_settings(tmp_path)


def test_a_run_of_another_kind_of_training_is_refused(tmp_path: Path) -> None:
    write_settings(tmp_path, MinimalSettings(preset="minimal"))
    said = rf"{tmp_path}' was trained by `leitmotif train minimal`; give a folder that `leitmotif train mmdm`"
    with pytest.raises(UserError, match=said):
        read_settings(tmp_path)
    with pytest.raises(UserError, match=said):
        check_run(tmp_path, None, PRESETS["tiny"], resume=True)


def test_a_run_of_before_runs_said_their_kind_is_read(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(asdict(PRESETS["tiny"])))
    assert read_settings(tmp_path) == PRESETS["tiny"]


def test_the_command_names_the_presets_there_are() -> None:
    assert list(PRESETS) == list(PRESET_NAMES)
    assert choose_settings() == PRESETS["tiny"]


def test_settings_are_frozen(small: Settings) -> None:
    with pytest.raises(AttributeError):
        small.batch = 3  # type: ignore[misc]


@pytest.mark.parametrize(("rows", "steps"), [(12, 40), (16, 40), (160, 400), (444, 924), (20_000, 20_000)])
def test_tiny_suits_its_steps_to_its_rows(rows: int, steps: int) -> None:

    tiny = PRESETS["tiny"]
    an_epoch = math.ceil(rows / tiny.batch)
    assert an_epoch * count_epochs(tiny, an_epoch) == steps
    assert count_epochs(PRESETS["internvl3-1b"], 1) == PRESETS["internvl3-1b"].epochs


@pytest.mark.parametrize("revision", ["0123456", "12e4567", "1_000"])
def test_a_name_that_looks_like_a_number_stays_as_it_was_typed(revision: str) -> None:
    assert choose_settings("internvl3-1b", [f"revision={revision}"]).revision == revision


def test_a_setting_without_a_value_is_the_preset_s_again() -> None:
    changes = ["batch=3", "revision=abc", "batch=", "revision=none"]
    assert choose_settings("internvl3-1b", changes) == PRESETS["internvl3-1b"]


def test_settings_of_former_names_are_read_with_a_line_about_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = asdict(PRESETS["tiny"])
    for name in ("steps", "ema_decay"):
        del values[name]
    values["elicit"] = not values.pop("describe_visuals_first")
    values["watch_steps"] = values.pop("eval_steps")
    (tmp_path / "settings.json").write_text(json.dumps(values))
    assert read_settings(tmp_path) == replace(PRESETS["tiny"], describe_visuals_first=False)
    assert choose_settings("tiny", ["elicit=false"]).describe_visuals_first is False
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [
        "the setting elicit is called describe_visuals_first now",
        "the setting watch_steps is called eval_steps now",
        "the setting elicit is called describe_visuals_first now",
    ]


def test_a_run_that_is_not_there_is_said_with_the_near_one(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"is no run \(there is no such folder; did you mean run\?\); give a folder"
    ):
        read_settings(tmp_path / "runn")
