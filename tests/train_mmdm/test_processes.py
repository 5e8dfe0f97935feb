"""Trainings on two processes, which talk by gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from leitmotif.train_mmdm.run import NETWORK
from leitmotif.training.checkpoint import list_checkpoints
from leitmotif.training.logs import read_log

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = (
    "epochs=2",
    "min_steps=0",
    "dropout=0",
    "eval_steps=0",
    "frames=2",
    "samples=1",
    "max_new_tokens=3",
    "tensorboard=false",
)

# The command line, and a power cut after so many steps.
SCRIPT = """
import os, sys
from leitmotif.cli.main import main
from leitmotif.training.step import TrainStep

run, left = TrainStep.run, [int(os.environ.get("STEPS", "0"))]

def run_and_die(self, batches, rate):
    numbers = run(self, batches, rate)
    left[0] -= 1
    if left[0] == 0:
        os._exit(9)
    return numbers

TrainStep.run = run_and_die
sys.exit(main(["train", *sys.argv[1:]]))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def launch(script: Path, processes: int, *words: str, steps: int = 0) -> int:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(processes),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "STEPS": str(steps),
    }
    done = subprocess.run(
        [*command, str(script), "mmdm", *words], env=environment, capture_output=True, text=True, timeout=300
    )
    if done.returncode and not steps:
        raise AssertionError(done.stderr[-3000:])
    return done.returncode


def losses(run: Path) -> list[tuple[int, str, float]]:
    return [(line["step"], line["kind"], line["loss"]) for line in read_log(run)]


@pytest.mark.slow
def test_two_processes_go_on_with_the_same_bits(plain_dataset: Path, script: Path, tmp_path: Path) -> None:
    changes = ("batch=1", "lora_rank=4", "checkpoint_steps=2")
    options = [word for change in (*SETTINGS, *changes) for word in ("--set", change)]
    launch(script, 2, str(plain_dataset), "--out", str(tmp_path / "whole"), *options)
    words = (str(plain_dataset), "--out", str(tmp_path / "cut"))
    assert launch(script, 2, *words, *options, steps=7) != 0
    assert losses(tmp_path / "cut")[-1][0] in (6, 7)
    launch(script, 2, *words, "--resume")
    folders = [list_checkpoints(tmp_path / name)[-1] / NETWORK for name in ("whole", "cut")]
    whole, cut = (load_file(folder / "adapter_model.safetensors") for folder in folders)
    assert all(torch.equal(cut[name], weight) for name, weight in whole.items())
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
