"""Settings of the music generator: presets, and what cannot be."""

import pytest

from leitmotif.generators.ecmg.arguments import KIND, PRESET_NAMES
from leitmotif.generators.ecmg.settings import PRESETS, Settings, choose_settings
from leitmotif.storage.errors import UserError


def test_the_command_knows_the_presets_and_the_kind() -> None:
    assert tuple(PRESETS) == PRESET_NAMES and Settings.KIND == KIND


def test_the_preset_of_the_paper_is_its_network_and_its_sampler() -> None:
    sao = choose_settings("sao")
    assert (sao.layers, sao.width, sao.heads, sao.frames) == (24, 1536, 24, 1024)
    assert (sao.batch, sao.accumulation, sao.weight_decay, sao.schedule) == (1, 8, 1e-3, "inverse")
    assert (sao.sampling_steps, sao.guidance, sao.sigma_min, sao.sigma_max) == (100, 7.0, 0.03, 1000.0)
    assert sao.control_source == "retrieved" and sao.base_learning_rate == 1e-6


def test_who_says_how_many_passes_takes_the_steps_back() -> None:
    assert choose_settings("tiny", ["epochs=3"]).steps == 0
    assert choose_settings("tiny", ["epochs=3", "steps=5"]).steps == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["codec=none"], "got base=none without codec and text; set both"),
        (["heads=5"], "got width 128 and heads 5; expected heads of a multiple of 4 numbers"),
        (["control_layers=9"], "got control_layers 9; expected at most layers, 4"),
        (["sigma_min=2", "sigma_max=1"], "got sigma_min 2.0; expected less than sigma_max 1.0"),
        (["control=net"], "'controlformer' or 'adapter'"),
        (["cfg_dropout=1.5"], "cfg_dropout"),
        (["gidance=3"], "guidance"),
    ],
)
def test_settings_that_cannot_be_are_one_line(changes: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        choose_settings("tiny", changes)
    assert "\n" not in str(error.value)
