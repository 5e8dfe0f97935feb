"""The trainings that keep the contract of `training`; a new one is added to `TRAINEES`.

`trainees.py NAME DATASET RUN [--resume] [KEY=VALUE …]` trains one in a process of its own.
With KILLED_IN=STEP, the process ends by kill -9 amid the checkpoint of this step.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leitmotif.generators.ecmg import task as ecmg_task
from leitmotif.generators.ecmg import train as ecmg
from leitmotif.train_mmdm import task as mmdm_task
from leitmotif.train_mmdm import train as mmdm
from leitmotif.train_mmdm.settings import choose_settings
from leitmotif.training import checkpoint
from leitmotif.training.settings import LoopSettings, read_changes
from tests.generators.encoded_clips import ecmg_settings, write_encoded_dataset
from tests.train_mmdm.conftest import SMALL
from tests.training import minimal
from tests.training.plain_clips import write_plain_dataset


@dataclass(frozen=True)
class Trainee:
    """One training: 10 rows in steps of 4, twice, unless the settings are changed.

    Attributes:
        name: What the contract calls it.
        train: Its `train`.
        task: Its task's class.
        settings: Makes its settings, with changes ("key=value").
        without_chance: Changes without which it draws while it learns, such as dropout.
        dataset: Writes what it learns from: 10 rows to train with and 3 to validate with, `clip-NNNNNN`.
        quick: Whether it takes less than a second.
    """

    name: str
    train: Callable[..., Any]
    task: type
    settings: Callable[..., LoopSettings]
    without_chance: tuple[str, ...] = ()
    dataset: Callable[[Path], Path] = write_plain_dataset
    quick: bool = False


def minimal_settings(*changes: str) -> minimal.MinimalSettings:
    changed = read_changes(minimal.MinimalSettings, changes)
    return minimal.MinimalSettings.changed({**minimal.DEFAULT.__dict__, **changed})


def mmdm_settings(*changes: str) -> LoopSettings:
    return choose_settings("tiny", [*SMALL, *changes])


TRAINEES = {
    each.name: each
    for each in (
        Trainee("minimal", minimal.train, minimal.MinimalTask, minimal_settings, ("dropout=0",), quick=True),
        Trainee("mmdm", mmdm.train, mmdm_task.DescriptionTask, mmdm_settings, ("dropout=0",)),
        Trainee("ecmg", ecmg.train, ecmg_task.MusicTask, ecmg_settings, dataset=write_encoded_dataset),
    )
}


def main(words: list[str]) -> None:
    trainee, dataset, run = TRAINEES[words[0]], Path(words[1]), Path(words[2])
    resume = "--resume" in words
    changes = [word for word in words[3:] if word != "--resume"]
    step, save = int(os.environ.get("KILLED_IN", "0")), checkpoint.save_object

    def save_and_die(path: Path, content: Any) -> None:
        save(path, content)
        if path.parent.name.endswith(f"step-{step:08d}"):
            os.kill(os.getpid(), signal.SIGKILL)

    if step:
        checkpoint.save_object = save_and_die
    trainee.train(dataset, run, None if resume else trainee.settings(*changes), resume=resume)


if __name__ == "__main__":
    main(sys.argv[1:])
