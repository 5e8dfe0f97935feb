"""Examples: what is drawn follows from the seed, and what is followed is what the settings say."""

import numpy as np
import pytest

from leitmotif.generators.ecmg.examples import (
    Example,
    ExampleMaker,
    find_bridge,
    make_loader,
    open_encoded,
    read_fixed,
)
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.feature_rows import FeatureRows
from tests.generators.encoded_clips import ecmg_settings

SURE = ("control_dropout=0", "cfg_dropout=0")


def maker(encoded: Dataset, *changes: str) -> ExampleMaker:
    settings = ecmg_settings(*SURE, *changes)
    table = open_encoded(encoded, settings)
    bridge = find_bridge(encoded, "train", table, settings)
    return ExampleMaker(settings, table.name, table.facts, FeatureRows(table), bridge)


def a_row(encoded: Dataset, make: ExampleMaker, number: int, seed: int) -> dict[str, object]:
    clip_id = encoded.table("train", ["clip_id"])["clip_id"][number].as_py()
    names = ["latents", "total_s", "text", "styled", "attribute"]
    return {"clip_id": clip_id, "seed": seed, "ecmg": make.rows.read(clip_id, names)}


def examples(encoded: Dataset, make: ExampleMaker, seeds: int) -> list[Example]:
    clips = [a_row(encoded, make, number, 0) for number in range(10)]  # each is read once
    return [make(clips[seed % 10] | {"seed": seed}) for seed in range(seeds)]


def test_an_example_follows_from_its_seed_alone(encoded: Dataset) -> None:
    make = maker(encoded)
    one, same, other = (make(a_row(encoded, make, 0, seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["noise"], other["noise"]) and one["time"] != other["time"]


def test_a_clip_that_is_shorter_than_a_window_is_filled_up_with_silence(encoded: Dataset) -> None:
    make = maker(encoded)
    example = make(a_row(encoded, make, 0, 1))
    latents = a_row(encoded, make, 0, 1)["ecmg"]["latents"]  # type: ignore[index]
    frames = len(latents)
    assert 0 < frames < 8 and example["clean"].shape == (32, 8)
    assert np.array_equal(example["clean"][:, :frames], latents.astype(np.float32).T)
    silence = np.asarray(make.facts["silence"], np.float32)
    assert np.array_equal(example["clean"][:, frames:], np.repeat(silence[:, None], 8 - frames, 1))
    assert example["total_s"] == pytest.approx(0.1) and example["start_s"] == 0


def test_a_window_of_a_longer_clip_begins_anywhere_and_says_where(encoded: Dataset) -> None:
    make = maker(encoded, "frames=2")
    row = a_row(encoded, make, 0, 0)
    latents = row["ecmg"]["latents"]  # type: ignore[index]
    starts = set()
    for example in (make(row | {"seed": seed}) for seed in range(40)):
        start = round(float(example["start_s"]) * make.facts["latent_rate_hz"])
        assert np.array_equal(example["clean"], latents[start : start + 2].astype(np.float32).T)
        starts.add(start)
    assert starts == set(range(len(latents) - 1))


def test_what_is_followed_is_the_same_moment_another_one_or_another_clip(encoded: Dataset) -> None:
    own = examples(encoded, maker(encoded, "frames=2", "control_source=own"), 60)
    assert all(np.array_equal(each["control"], each["clean"]) for each in own)
    elsewhere = examples(encoded, maker(encoded, "frames=2", "control_source=elsewhere"), 60)
    same = [np.array_equal(each["control"], each["clean"]) for each in elsewhere]
    assert any(same) and not all(same)
    make = maker(encoded, "control_source=retrieved")
    for each in examples(encoded, make, 20):
        found = make.bridge.broad[each["clip_id"]]
        assert found is not None and found != each["clip_id"]
        latents = make.rows.read(found, ["latents"])["latents"].astype(np.float32)
        assert np.array_equal(each["control"], np.resize(latents, (8, 32)).T)  # repeated, not silent


def test_conditions_are_left_out_as_often_as_the_settings_say(encoded: Dataset) -> None:
    changes = ("control_dropout=0.3", "cfg_dropout=0.2", "style_share=0.5")
    settings = ecmg_settings(*changes)
    table = open_encoded(encoded, settings)
    bridge = find_bridge(encoded, "train", table, settings)
    make = ExampleMaker(settings, table.name, table.facts, FeatureRows(table), bridge)
    found = examples(encoded, make, 400)
    assert np.mean([each["weight"] for each in found]) == pytest.approx(0.7, abs=0.08)
    assert np.mean([each["keep"] for each in found]) == pytest.approx(0.8, abs=0.08)
    can = [each for each in found if bridge.style(each["clip_id"]) is not None]
    assert can and np.mean([each["styled"] for each in can]) == pytest.approx(0.5, abs=0.12)
    for each in found:
        assert each["weight"] or not each["control"].any()
        assert each["styled"] or not each["style"].any()


def test_a_styled_example_has_the_prompt_with_the_attribute_and_another_clip_s_embedding(
    encoded: Dataset,
) -> None:
    make = maker(encoded, "style_share=1")
    numbers = [number for number in range(10) if make.bridge.style(make.bridge.clips.ids[number]) is not None]
    assert numbers
    row = a_row(encoded, make, numbers[0], 3)
    states = row["ecmg"]["styled"]  # type: ignore[index]
    example = make(row)
    assert example["styled"] and example["tokens"] == len(states) > len(row["ecmg"]["text"])  # type: ignore[index]
    assert np.array_equal(example["text"][: len(states)], states.astype(np.float32))
    assert not example["text"][len(states) :].any()
    targeted = make.bridge.targeted[str(row["clip_id"])]
    own = make.bridge.clips.ids.index(str(row["clip_id"]))
    assert targeted != row["clip_id"]
    assert not np.array_equal(example["style"], make.bridge.clips.vectors[own])


def test_a_loader_gives_the_same_rows_with_any_number_of_workers(encoded: Dataset) -> None:
    found = []
    for workers in (0, 2):
        settings = ecmg_settings(f"workers={workers}")
        loader = make_loader(encoded, open_encoded(encoded, settings), settings)
        found.append([(batch.ids, batch.tensors["noise"].sum()) for step in loader for batch in step])
    assert found[0] == found[1] and sum(len(ids) for ids, _ in found[0]) == 10


def test_the_fixed_set_is_drawn_the_same_way_every_time(encoded: Dataset) -> None:
    settings = ecmg_settings("validation_rows=2")
    table = open_encoded(encoded, settings)
    one, two = (read_fixed(encoded, table, settings, "validation") for _ in range(2))
    assert len(one) == 2
    assert all(np.array_equal(one[number][name], two[number][name]) for number in (0, 1) for name in one[0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("codec=./other",), r"is not encoded by codec ./other and text clap-mini; run `leitmotif encode"),
        (("features=ecmg-000000",), r"has no features 'ecmg-000000'; it has ecmg-"),
    ],
)
def test_a_dataset_that_was_encoded_otherwise_is_one_line(
    encoded: Dataset, changes: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        open_encoded(encoded, ecmg_settings(*changes))
