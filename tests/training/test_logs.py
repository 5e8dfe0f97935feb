import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from leitmotif.storage.errors import UserError
from leitmotif.training.logs import RunLog, read_log


def test_numbers_are_read_as_they_were_written(tmp_path: Path) -> None:
    log = RunLog(tmp_path, tensorboard=False)
    log.write(1, "train", {"loss": 2.5})
    log.write(2, "validation", {"loss": 2.25, "epoch": 1})
    log.close()
    assert read_log(tmp_path) == [
        {"step": 1, "kind": "train", "loss": 2.5},
        {"step": 2, "kind": "validation", "loss": 2.25, "epoch": 1},
    ]


def test_a_resumed_log_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    log = RunLog(tmp_path, tensorboard=False)
    for step in range(1, 5):
        log.write(step, "train", {"loss": float(step)})
    with log.path.open("a") as file:
        file.write('{"step": 5, "ki')  # the power went
    log = RunLog(tmp_path, step=2, tensorboard=False)
    log.write(3, "train", {"loss": 30.0})
    assert [line["loss"] for line in read_log(tmp_path)] == [1.0, 2.0, 30.0]


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    for step in (1, 2, 3):
        log.write(step, "train", {"loss": step / 2})
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(each.step, each.value) for each in events.Scalars("train/loss")] == [
        (1, 0.5),
        (2, 1.0),
        (3, 1.5),
    ]


def test_wandb_gets_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def init(**given: Any) -> Any:
        calls.append(given)
        return SimpleNamespace(
            log=lambda numbers, step: calls.append((step, numbers)), finish=lambda: calls.append("end")
        )

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    log = RunLog(tmp_path, tensorboard=False, wandb=True, settings={"batch": 2})
    log.write(1, "train", {"loss": 0.5})
    log.close()
    assert calls[0]["config"] == {"batch": 2}
    assert calls[1:] == [(1, {"train/loss": 0.5}), "end"]


@pytest.mark.parametrize(
    ("module", "option", "advice"),
    [
        ("wandb", "wandb", "pip install wandb"),
        ("torch.utils.tensorboard", "tensorboard", "leitmotif-av\\[train\\]"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, option: str, advice: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    options = {"tensorboard": False, "wandb": False, option: True}
    with pytest.raises(UserError, match=advice):
        RunLog(tmp_path, **options)


def test_a_run_without_log_has_no_lines(tmp_path: Path) -> None:
    assert read_log(tmp_path) == []
    RunLog(tmp_path, tensorboard=False).close()
    assert (tmp_path / "log.jsonl").read_text() == ""
