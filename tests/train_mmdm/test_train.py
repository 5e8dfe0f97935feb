"""Trainings that run, stop, go on and are refused."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.train_mmdm import task
from leitmotif.train_mmdm.examples import COLUMNS, Example, ExampleMaker, check_rows, read_fixed
from leitmotif.train_mmdm.run import NETWORK, open_run
from leitmotif.train_mmdm.settings import Settings, choose_settings
from leitmotif.train_mmdm.train import out_of_memory, train
from leitmotif.training.checkpoint import list_checkpoints
from leitmotif.training.loader.loader import ShardLoader
from leitmotif.training.logs import read_log
from leitmotif.training.step import TrainStep
from tests.training.plain_clips import plain_frames, plain_rows
from tests.training.rendered_clips import write_dataset

Finished = tuple[Path, dict[str, Any], list[Any]]


class Killed(BaseException):
    """Ends a training as a power cut does."""


def killed_after(steps: int) -> Callable[[str, int, int, str], None]:
    def tell(stage: str, done: int, total: int, note: str) -> None:
        if done == steps:
            raise Killed

    return tell


def weights(run: Path) -> dict[str, torch.Tensor]:
    folder = list_checkpoints(run)[-1]
    parts = {path.name: load_file(path) for path in sorted((folder / NETWORK).glob("*.safetensors"))}
    return {f"{name}/{key}": weight for name, part in parts.items() for key, weight in part.items()}


def losses(run: Path) -> list[tuple[int, str, float]]:
    return [(line["step"], line["kind"], line["loss"]) for line in read_log(run)]


@pytest.fixture(scope="module")
def finished(plain_dataset: Path, small: Settings, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run, what its training returned, and the progress it told of."""
    run, told = tmp_path_factory.mktemp("finished") / "run", []
    facts = train(plain_dataset, run, small, on_progress=lambda *numbers: told.append(numbers))
    return run, facts, told


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Path:
    """That run, to be changed."""
    return Path(shutil.copytree(finished[0], tmp_path / "run"))


def test_a_training_leaves_a_whole_run(finished: Finished, small: Settings) -> None:
    run, facts, told = finished
    assert facts["step"] == 6  # 10 rows in steps of 4, twice
    assert facts["epoch"] == 2
    assert told[-1][:3] == ("train", 6, 6)
    assert re.fullmatch(r"loss \d\.\d{3}, validation \d\.\d{3}, rate \d\.\de-\d\d", told[-1][3])
    assert [line[:2] for line in losses(run) if line[1] == "validation"] == [
        (3, "validation"),
        (6, "validation"),
    ]
    assert facts["validation_loss"] == min(loss for _, kind, loss in losses(run) if kind == "validation")
    assert losses(run)[-1][2] < losses(run)[0][2]
    model = open_run(run)
    assert model.settings == small
    assert model.checkpoint.name == facts["checkpoint"]
    assert not model.net.training
    samples = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    assert [(sample["step"], sample["clip_id"]) for sample in samples] == [
        (3, "clip-000100"),
        (6, "clip-000100"),
    ]


def test_the_card_tells_what_the_run_is(plain_dataset: Path, finished: Finished) -> None:
    run, facts, _ = finished
    card = (run / "README.md").read_text()
    assert card.startswith("---\nlanguage: en\nlibrary_name: transformers\n")
    assert "It learned from 10 clips, the train split of the dataset `dataset`" in card
    assert Dataset(plain_dataset).split("train").fingerprint in card
    assert f"| 6 | 2 | {facts['validation_loss']:.4f} |" in card
    assert "- `clip-000100`" in card
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "other" and head["license_link"] == "README.md#licence"
    assert head["datasets"] == ["dataset"]
    assert "## Licence\n\nIt has no base weights. It learned from clips of the dataset `dataset`" in card
    assert "{" not in card and "None" not in card.replace("None |", "")


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3, 5])
def test_adapters_killed_and_resumed_end_with_the_same_bits(
    plain_dataset: Path, small: Settings, tmp_path: Path, steps: int
) -> None:
    settings = replace(small, checkpoint_steps=2, lora_rank=4, lora_dropout=0.1)
    train(plain_dataset, tmp_path / "whole", settings)
    with pytest.raises(Killed):
        train(plain_dataset, tmp_path / "cut", settings, on_progress=killed_after(steps))
    train(plain_dataset, tmp_path / "cut", resume=True)
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    states = [torch.load(list_checkpoints(tmp_path / name)[-1] / "optimizer.pt") for name in ("whole", "cut")]
    for one, two in zip(*(state["state"].values() for state in states), strict=True):
        assert torch.equal(one["exp_avg_sq"], two["exp_avg_sq"])


def test_a_resumed_run_of_which_nothing_was_saved_says_that_it_begins_anew(
    plain_dataset: Path, small: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "leitmotif")
    for resume in (False, True):
        assert "begins anew" not in caplog.text
        with pytest.raises(Killed):
            train(plain_dataset, tmp_path / "run", small, resume=resume, on_progress=killed_after(1))
    assert "run: nothing had been saved yet, so it begins anew" in caplog.text


def test_a_finished_run_resumed_does_nothing_more(
    plain_dataset: Path, finished: Finished, copied: Path
) -> None:
    run, facts, _ = finished
    again = train(plain_dataset, copied, resume=True)
    assert {**again, "seconds": 0, "run": ""} == {**facts, "seconds": 0, "run": ""}
    assert losses(copied) == losses(run)
    assert all(torch.equal(weights(copied)[name], weight) for name, weight in weights(run).items())


@pytest.mark.slow
def test_adapters_of_a_local_base_train_in_half_precision(
    plain_dataset: Path, small: Settings, tmp_path: Path
) -> None:
    train(plain_dataset, tmp_path / "base", replace(small, epochs=1))
    base = open_run(tmp_path / "base")
    base.net.save_pretrained(str(tmp_path / "weights"))
    base.tokenizer.save_pretrained(str(tmp_path / "weights"))
    settings = choose_settings(
        "internvl3-1b",
        [
            f"model_id={tmp_path / 'weights'}", "image_side=32", "patch_side=16", "frames=2", "epochs=1",
            "learning_rate=1e-2", "accumulation=2", "samples=1", "max_new_tokens=3", "tensorboard=false",
        ],
    )  # fmt: skip
    facts = train(plain_dataset, tmp_path / "run", settings)
    assert facts["step"] == 3
    folder = list_checkpoints(tmp_path / "run")[-1] / NETWORK
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert json.loads((folder / "adapter_config.json").read_text())["r"] == 16
    moved = load_file(folder / "adapter_model.safetensors")
    assert any(weight.abs().max() > 0 for name, weight in moved.items() if "lora_B" in name)
    card = (tmp_path / "run" / "README.md").read_text()
    assert "LoRA adapters of rank 16" in card and "(revision not pinned)" in card
    assert hasattr(open_run(tmp_path / "run").net, "merge_and_unload")


def test_training_ends_when_the_validation_loss_rises(
    plain_dataset: Path, small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rising = iter([3.0, 2.0, 2.5, 2.25, 9.0])
    monkeypatch.setattr(task, "measure_loss", lambda *given: next(rising))
    facts = train(plain_dataset, tmp_path / "run", replace(small, epochs=5, patience=2))
    assert (facts["epoch"], facts["best_step"], facts["validation_loss"]) == (4, 6, 2.0)
    assert [folder.name for folder in list_checkpoints(tmp_path / "run")] == [
        "step-00000006",
        "step-00000012",
    ]
    assert open_run(tmp_path / "run").checkpoint.name == "step-00000006"


def test_a_run_that_exists_is_refused(plain_dataset: Path, small: Settings, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="exists; go on with it by --resume, or give another --out"):
        train(plain_dataset, tmp_path / "run", small)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]
    with pytest.raises(UserError, match=r"is no run \(no settings"):
        train(plain_dataset, tmp_path / "run", small, resume=True)
    with pytest.raises(UserError, match="does not exist; leave --resume out"):
        train(plain_dataset, tmp_path / "other", small, resume=True)


def test_other_settings_than_the_run_s_are_refused(
    plain_dataset: Path, small: Settings, tmp_path: Path
) -> None:
    train(plain_dataset, tmp_path / "run", replace(small, epochs=1))
    with pytest.raises(UserError, match=r"got epochs=2; .* was begun with 1: resume with the settings"):
        train(plain_dataset, tmp_path / "run", small, resume=True)


def test_another_dataset_than_the_run_s_is_refused(copied: Path, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", {"train": plain_rows(10, 50), "validation": plain_rows(3)})
    with pytest.raises(UserError, match="was taken with dataset"):
        train(other, copied, resume=True)


def test_another_number_of_processes_is_refused(plain_dataset: Path, copied: Path) -> None:
    path = list_checkpoints(copied)[-1] / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "processes": 2}))
    with pytest.raises(UserError, match=r"got 1 processes; step-00000006 was written by 2"):
        train(plain_dataset, copied, resume=True)


def test_a_failure_before_the_first_step_leaves_no_run(plain_dataset: Path, tmp_path: Path) -> None:
    settings = choose_settings("internvl3-1b", [f"model_id={tmp_path / 'missing'}"])
    with pytest.raises((UserError, OutsideError)):
        train(plain_dataset, tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


def test_a_dataset_without_captions_is_refused(small: Settings, tmp_path: Path) -> None:
    rows = [{**row, "caption": None} for row in plain_rows(3)]
    dataset = write_dataset(tmp_path / "dataset", {"train": rows})
    with pytest.raises(UserError, match=r"split 'train' has 3 rows .* no captions; curate it with"):
        train(dataset, tmp_path / "run", small)
    assert not (tmp_path / "run").exists()


def test_a_dataset_without_frames_is_refused(small: Settings, tmp_path: Path) -> None:
    rows = [{**row, "frames": None} for row in plain_rows(3)]
    dataset = write_dataset(tmp_path / "dataset", {"train": rows})
    with pytest.raises(UserError, match="no frames; the description model needs a dataset of the recipe"):
        train(dataset, tmp_path / "run", small)


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_folder_that_is_no_dataset_is_refused(small: Settings, tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError):
        train(tmp_path / folder, tmp_path / "run", small)
    assert not (tmp_path / "run").exists()


def test_a_package_that_is_missing_is_said_before_anything_else(
    small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = write_dataset(tmp_path / "dataset", {"train": plain_rows(1)})
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(UserError, match="training needs accelerate; install it with: pip"):
        train(dataset, tmp_path / "run", small)
    assert not caplog.records and not (tmp_path / "run").exists()


def test_one_row_is_enough_to_train(
    small: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = write_dataset(tmp_path / "dataset", {"train": plain_rows(1)})
    facts = train(dataset, tmp_path / "run", small)
    assert "(the dataset has no split validation; publish with more of them" in caplog.text
    assert (facts["step"], facts["validation_loss"], facts["best_step"]) == (2, None, None)
    assert open_run(tmp_path / "run").checkpoint.name == "step-00000002"
    assert "There were no rows to validate with." in (tmp_path / "run" / "README.md").read_text()


def test_few_rows_are_passed_over_more_often(small: Settings, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset", {"train": plain_rows(2), "validation": plain_rows(1, 9)})
    facts = train(dataset, tmp_path / "run", replace(small, min_steps=7, eval_steps=3))
    assert (facts["step"], facts["epoch"]) == (7, 7)
    assert [line["step"] for line in read_log(tmp_path / "run") if line["kind"] == "validation"] == [3, 6, 7]


def test_rows_that_cannot_be_used_are_left_out(
    small: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = plain_rows(6)
    rows[1]["frames"] = [{"bytes": b"\xff\xd8 no picture", "path": "0.jpg"}]
    rows[2]["caption"] = None
    rows[3]["frames"] = [{"bytes": plain_frames(3)[0][:200], "path": "0.jpg"}]
    rows[4]["frames"] = []
    dataset = write_dataset(tmp_path / "dataset", {"train": rows, "validation": rows[:2]})
    assert check_rows(Dataset(dataset).split("train")) == 4
    facts = train(dataset, tmp_path / "run", replace(small, batch=1, accumulation=1, epochs=1))
    assert facts["step"] == 2
    assert "clip-000001" in caplog.text and "clip-000003" in caplog.text
    samples = (tmp_path / "run" / "samples.jsonl").read_text().splitlines()
    assert [json.loads(line)["clip_id"] for line in samples] == ["clip-000000"]


def examples_loader(dataset: Path, settings: Settings) -> ShardLoader[Example]:
    maker = ExampleMaker(settings, vary=True)
    return ShardLoader(dataset, "train", columns=COLUMNS, batch_size=10, transform=maker)


def test_every_epoch_asks_anew(plain_dataset: Path, small: Settings) -> None:
    loader = examples_loader(plain_dataset, small)
    epochs = [{row.clip_id: row for batch in loader for row in batch} for _ in range(4)]
    asked = [{clip: row.question for clip, row in epoch.items()} for epoch in epochs]
    assert all(len(set(each.values())) == 2 for each in asked)
    assert asked[0] != asked[1]
    alone = examples_loader(plain_dataset, replace(small, describe_visuals_first=False))
    answers = [row.answer for batch in alone for row in batch]
    assert not any("Visual elements" in answer or "Mood:" in answer for answer in answers)


def test_the_fixed_set_asks_for_everything(plain_dataset: Path, small: Settings) -> None:
    examples = list(read_fixed(Dataset(plain_dataset), replace(small, validation_rows=2), "validation"))
    assert [example.clip_id for example in examples] == ["clip-000100", "clip-000101"]
    assert all(example.answer.startswith("Visual elements: ") for example in examples)
    assert examples[0].pixels.shape == (1, 3, 32, 32)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried\nmore"), MemoryError()])
def test_a_full_memory_gives_advice(
    plain_dataset: Path,
    small: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    def fail(*given: Any) -> None:
        raise error

    monkeypatch.setattr(TrainStep, "run", fail)
    with pytest.raises(OutsideError) as caught:
        train(plain_dataset, tmp_path / "run", small)
    said = str(caught.value)
    assert said.startswith("out of memory with preset tiny, batch 2 and 1 frames")
    assert "--set gradient_checkpointing=true --set batch=1 with accumulation=4" in said.replace(" or", "")
    assert "\n" not in said


def test_the_advice_for_large_models_names_four_bits() -> None:
    said = out_of_memory("x", replace(choose_settings("internvl3-14b"), batch=1))
    assert "--set four_bit=true or --set frames=5, or with a smaller preset" in said


def test_an_error_that_is_not_memory_s_is_not_hidden(
    plain_dataset: Path, small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(TrainStep, "run", fail)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train(plain_dataset, tmp_path / "run", small)


def test_the_settings_lie_in_every_checkpoint(finished: Finished, small: Settings) -> None:
    for folder in list_checkpoints(finished[0]):
        assert json.loads((folder / "settings.json").read_text()) == {"kind": "mmdm", **asdict(small)}
