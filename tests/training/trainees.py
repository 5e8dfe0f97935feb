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

from leitmotif.train_mmdm import task as mmdm_task
from leitmotif.train_mmdm import train as mmdm
from leitmotif.train_mmdm.settings import choose_settings
from leitmotif.training import checkpoint
from leitmotif.training.settings import LoopSettings, read_changes
from tests.train_mmdm.conftest import SMALL
from tests.training import toy


@dataclass(frozen=True)
class Trainee:
    """One training: 10 rows in steps of 4, twice, unless the settings are changed."""

    train: Callable[..., Any]
    task: type
    settings: Callable[..., LoopSettings]
    quick: bool = False
    """Whether it takes less than a second."""


def toy_settings(*changes: str) -> toy.ToySettings:
    return toy.ToySettings.changed({**toy.DEFAULT.__dict__, **read_changes(toy.ToySettings, changes)})


def mmdm_settings(*changes: str) -> LoopSettings:
    return choose_settings("tiny", [*SMALL, *changes])


TRAINEES = {
    "toy": Trainee(toy.train, toy.ToyTask, toy_settings, quick=True),
    "mmdm": Trainee(mmdm.train, mmdm_task.DescriptionTask, mmdm_settings),
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
