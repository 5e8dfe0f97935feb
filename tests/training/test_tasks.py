"""The contract that every training keeps: it resumes bit for bit, and loses nothing that was saved."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.training import checkpoint
from leitmotif.training.checkpoint import CheckpointManager, list_checkpoints, read_state
from leitmotif.training.logs import read_log
from leitmotif.training.step import TrainStep
from tests.training.interrupted import cut, numbers, same
from tests.training.trainees import TRAINEES, Trainee

REPOSITORY = Path(__file__).resolve().parents[2]
# What keeps the slower trainings for `make test-slow`.
ALL = [pytest.param(each, id=name) for name, each in TRAINEES.items()]
QUICK = [
    pytest.param(each, id=name, marks=() if each.quick else pytest.mark.slow)
    for name, each in TRAINEES.items()
]


WriteDataset = Callable[[Path], Path]


@pytest.fixture(scope="module")
def write_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[WriteDataset], Path]:
    """Writes each dataset once, whichever trainings learn from it."""
    return cache(lambda write: write(tmp_path_factory.mktemp("contract") / "dataset"))


@pytest.fixture
def dataset(trainee: Trainee, write_once: Callable[[WriteDataset], Path]) -> Path:
    """What a training learns from."""
    return write_once(trainee.dataset)


def losses(run: Path) -> list[tuple[int, str, float]]:
    return [(line["step"], line["kind"], line["loss"]) for line in read_log(run)]


def learned(run: Path) -> list[tuple[int, str, float]]:
    """The losses of a run that has some of training and of validation."""
    found = losses(run)
    assert {kind for _, kind, _ in found} == {"train", "validation"}
    return found


def launch(trainee: Trainee, *words: object, processes: int = 1, killed_in: int = 0) -> int:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "KILLED_IN": str(killed_in),
    }
    script = [str(Path(__file__).with_name("trainees.py"))]
    command = [sys.executable, *(launcher if processes > 1 else []), *script, trainee.name, *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and not killed_in:
        raise AssertionError(done.stderr[-3000:])
    return done.returncode


def test_every_training_is_held_to_the_contract() -> None:
    found = [*REPOSITORY.glob("train_*/task.py"), *REPOSITORY.glob("generators/*/task.py")]
    modules = {".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in found}
    named = {each.task.__module__.removeprefix("leitmotif.") for each in TRAINEES.values()}
    assert len(modules) > 1 and modules <= named


@pytest.mark.parametrize(
    "changes",
    [
        ("checkpoint_steps=2", "ema_decay=0.9"),
        pytest.param(("steps=7", "eval_steps=2"), marks=pytest.mark.slow),
        pytest.param(("checkpoint_steps=1", "workers=2"), marks=pytest.mark.slow),
    ],
    ids=["epochs", "steps", "workers"],
)
@pytest.mark.parametrize("trainee", ALL)
def test_a_training_cut_off_and_resumed_ends_with_the_same_bits(
    trainee: Trainee, dataset: Path, tmp_path: Path, changes: tuple[str, ...]
) -> None:
    settings = trainee.settings(*changes)
    trainee.train(dataset, tmp_path / "whole", settings)
    cut(trainee.train, dataset, tmp_path / "cut", settings, 5)
    trainee.train(dataset, tmp_path / "cut", resume=True)
    whole, resumed = (list_checkpoints(tmp_path / name)[-1] for name in ("whole", "cut"))
    assert same(numbers(whole), numbers(resumed))
    assert learned(tmp_path / "whole") == learned(tmp_path / "cut")
    assert (whole / "ema.pt").is_file() == bool(settings.ema_decay)


@pytest.mark.parametrize("trainee", QUICK)
def test_a_training_by_steps_ends_and_validates_by_them(
    trainee: Trainee, dataset: Path, tmp_path: Path
) -> None:
    trainee.train(dataset, tmp_path / "run", trainee.settings("steps=7", "eval_steps=3", "epochs=1"))
    assert [(step, kind) for step, kind, _ in losses(tmp_path / "run") if kind == "validation"] == [
        (3, "validation"),
        (6, "validation"),
        (7, "validation"),
    ]
    last = read_state(list_checkpoints(tmp_path / "run")[-1])
    assert (last["step"], last["epoch"]) == (7, 2)  # of three steps each


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        (("steps=12", "eval_steps=12", "checkpoint_steps=3"), [3, 6, 9, 12]),  # of three steps an epoch
        (("steps=4", "eval_steps=4", "checkpoint_steps=2"), [2, 4]),
        (("epochs=3", "eval_steps=100", "checkpoint_steps=1", "batch=16"), [1, 2, 3]),  # of one step an epoch
    ],
    ids=["steps", "amid", "epochs"],
)
@pytest.mark.parametrize("trainee", QUICK)
def test_every_checkpoint_that_is_due_is_written(
    trainee: Trainee,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: tuple[str, ...],
    written: list[int],
) -> None:
    save, seen = CheckpointManager.save, []

    def note(self: CheckpointManager, state: Mapping[str, Any]) -> Path:
        seen.append(state["step"])
        return save(self, state)

    monkeypatch.setattr(CheckpointManager, "save", note)
    trainee.train(dataset, tmp_path / "run", trainee.settings(*changes))
    assert seen == written


@pytest.mark.parametrize("changes", [("steps=4",), ("epochs=2",)], ids=["steps", "epochs"])
@pytest.mark.parametrize("trainee", QUICK)
def test_rows_with_nothing_to_learn_from_are_refused(
    trainee: Trainee, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: tuple[str, ...]
) -> None:
    monkeypatch.setattr(TrainStep, "run", lambda self, batches, rate: None)
    with pytest.raises(UserError, match="no row of a whole epoch has anything to learn from; give another"):
        trainee.train(dataset, tmp_path / "run", trainee.settings(*changes))


@pytest.mark.parametrize("trainee", QUICK)
def test_how_a_step_is_divided_does_not_change_what_is_learned(
    trainee: Trainee, dataset: Path, tmp_path: Path
) -> None:
    calm = trainee.without_chance
    trainee.train(dataset, tmp_path / "one", trainee.settings(*calm, "batch=4", "accumulation=1"))
    trainee.train(dataset, tmp_path / "four", trainee.settings(*calm, "batch=1", "accumulation=4"))
    one, four = learned(tmp_path / "one"), learned(tmp_path / "four")
    assert [line[:2] for line in one] == [line[:2] for line in four]
    assert [line[2] for line in one] == pytest.approx([line[2] for line in four], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("trainee", ALL)
def test_two_processes_learn_what_one_learns_from_the_same_batches(
    trainee: Trainee, dataset: Path, tmp_path: Path
) -> None:
    launch(trainee, dataset, tmp_path / "one", *trainee.without_chance, "batch=4")
    launch(trainee, dataset, tmp_path / "two", *trainee.without_chance, "batch=2", processes=2)
    one, two = learned(tmp_path / "one"), learned(tmp_path / "two")
    assert [line[:2] for line in one] == [line[:2] for line in two]
    assert [line[2] for line in two] == pytest.approx([line[2] for line in one], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("trainee", ALL)
def test_a_process_killed_amid_a_checkpoint_goes_on_from_the_one_before(
    trainee: Trainee, dataset: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    trainee.train(dataset, tmp_path / "whole", trainee.settings())
    assert launch(trainee, dataset, run, killed_in=6) == -9
    assert [folder.name for folder in list_checkpoints(run)] == ["step-00000003"]
    assert (run / "checkpoints" / ".partial-step-00000006").is_dir()
    launch(trainee, dataset, run, "--resume")
    assert not list((run / "checkpoints").glob(".partial*"))
    resumed, whole = learned(run), learned(tmp_path / "whole")
    assert [line[:2] for line in resumed] == [line[:2] for line in whole]
    assert [line[2] for line in resumed] == pytest.approx([line[2] for line in whole], rel=1e-4)


@pytest.mark.parametrize("trainee", QUICK)
def test_a_full_disk_is_one_line_and_the_last_checkpoint_stands(
    trainee: Trainee, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, save = tmp_path / "run", checkpoint.save_object

    def full(path: Path, content: Any) -> None:
        if "step-00000006" in str(path):
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, content)

    monkeypatch.setattr(checkpoint, "save_object", full)
    with pytest.raises(
        OutsideError, match=r"No space left on device\); the former checkpoint is untouched"
    ) as said:
        trainee.train(dataset, run, trainee.settings())
    assert "\n" not in str(said.value)
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000003"]
    monkeypatch.setattr(checkpoint, "save_object", save)
    trainee.train(dataset, run, resume=True)
    assert read_state(list_checkpoints(run)[-1])["step"] == 6


@pytest.mark.parametrize("trainee", QUICK)
def test_a_loss_that_is_no_number_ends_the_training_with_the_rows_it_came_of(
    trainee: Trainee, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, loss = tmp_path / "run", trainee.task.loss

    def spoilt(self: Any, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
        past = len(losses(run)) >= 5  # four steps and a validation
        return loss(self, tensors) * (float("nan") if past else 1.0)

    monkeypatch.setattr(trainee.task, "loss", spoilt)
    with pytest.raises(UserError, match=r"the loss is nan .* over the rows clip-\d{6}, clip-\d{6}") as said:
        trainee.train(dataset, run, trainee.settings("accumulation=1", "batch=4"))
    assert "\n" not in str(said.value)
    (kept,) = list_checkpoints(run)
    assert kept.name == "step-00000003"
    assert all(torch.isfinite(torch.tensor(line[2])) for line in learned(run))


@pytest.mark.parametrize("trainee", QUICK)
def test_the_average_of_the_weights_is_what_is_validated(
    trainee: Trainee, dataset: Path, tmp_path: Path
) -> None:
    for name, decay in (("with", "0.99"), ("without", "0")):
        trainee.train(dataset, tmp_path / name, trainee.settings(f"ema_decay={decay}"))
    by_kind = {
        name: [
            [line for line in learned(tmp_path / name) if line[1] == kind] for kind in ("train", "validation")
        ]
        for name in ("with", "without")
    }
    assert by_kind["with"][0] == by_kind["without"][0]  # it changes nothing of what is learned
    assert by_kind["with"][1] != by_kind["without"][1]
