import math
from pathlib import Path

import pytest

from leitmotif.train_mmdm.settings import PRESETS, Settings, choose_settings, read_settings, write_settings
from leitmotif.train_mmdm.trainer import count_epochs
from leitmotif.training.errors import TrainingInputError


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
        ("huge", None, "got preset 'huge'; expected one of tiny, internvl3-1b"),
        ("tiny", "batch", "expected key=value"),
        ("tiny", "bach=2", "with one of the keys model_id, revision"),
        ("tiny", "preset=x", "expected key=value with one of the keys"),
        ("tiny", "batch=two", "expected a whole number for batch"),
        ("tiny", "batch=0", "got batch 0; expected at least 1"),
        ("tiny", "dropout=1", "got dropout 1.0 and lora_dropout 0.05; expected less than 1"),
        ("tiny", "learning_rate=nan", "got learning_rate nan; expected at least 0"),
        ("tiny", "flip=yes", "expected true or false for flip"),
        ("tiny", "image_side=60", "expected a multiple of 32"),
        ("tiny", "top_p=0", "expected 0 < top_p <= 1"),
        ("tiny", "precision=fp8", "expected one of bf16, fp32"),
        ("tiny", "recipe=best", "got recipe 'best'; expected one of paper, internvl, tiny"),
        ("tiny", "four_bit=true", "weights in 4 bits cannot be trained"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(preset: str, change: str | None, said: str) -> None:
    with pytest.raises(TrainingInputError) as caught:
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
    with pytest.raises(TrainingInputError, match="give a folder that `leitmotif train mmdm` wrote"):
        read_settings(tmp_path)


def test_settings_are_frozen(small: Settings) -> None:
    with pytest.raises(AttributeError):
        small.batch = 3  # type: ignore[misc]


@pytest.mark.parametrize(("rows", "steps"), [(12, 40), (16, 40), (160, 400), (444, 924), (20_000, 20_000)])
def test_tiny_suits_its_steps_to_its_rows(rows: int, steps: int) -> None:
    from leitmotif.train_mmdm.trainer import count_epochs

    tiny = PRESETS["tiny"]
    an_epoch = math.ceil(rows / tiny.batch)
    assert an_epoch * count_epochs(tiny, an_epoch) == steps
    assert count_epochs(PRESETS["internvl3-1b"], 1) == PRESETS["internvl3-1b"].epochs
