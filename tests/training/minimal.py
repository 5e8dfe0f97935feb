"""A training of a network of sixty weights: what `training` asks of a trainer, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from leitmotif.training.loader.loader import ShardLoader
from leitmotif.training.loop import OnProgress, fit
from leitmotif.training.run import check_run, run_facts, setting_up
from leitmotif.training.settings import SETTINGS_NAME, LoopSettings, write_settings
from leitmotif.training.setup import first_process, make_accelerator, make_optimizer, prepare
from leitmotif.training.task import Batch

NETWORK = "network.pt"
Row = tuple[str, torch.Tensor, torch.Tensor]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MinimalSettings(LoopSettings):
    KIND: ClassVar[str] = "minimal"

    dropout: float = 0.1


DEFAULT = MinimalSettings(
    preset="minimal",
    precision="fp32",
    batch=2,
    accumulation=2,
    epochs=2,
    learning_rate=0.05,
    tensorboard=False,
)


class MinimalTask:
    """Foretells the length of a caption from noise, the squared error of which is to be small."""

    UNIT: ClassVar[str] = "rows"

    def __init__(self, accelerator: Any, net: Any, fixed: Sequence[Batch]) -> None:
        self.accelerator, self.net, self.fixed = accelerator, net, fixed

    def loss(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return ((self.net(tensors["noise"])[:, 0] - tensors["length"]) ** 2).sum()

    @torch.no_grad()
    def validate(self, step: int) -> Mapping[str, float]:
        self.net.eval()
        loss = sum(float(self.loss(batch.to(self.accelerator.device))) for batch in self.fixed)
        return {"loss": loss / sum(batch.count for batch in self.fixed)}

    def save(self, folder: Path, weights: dict[str, torch.Tensor] | None) -> None:
        torch.save(self.accelerator.unwrap_model(self.net).state_dict(), folder / NETWORK)

    def load(self, folder: Path) -> None:
        self.accelerator.unwrap_model(self.net).load_state_dict(torch.load(folder / NETWORK))


def make_row(row: Mapping[str, Any]) -> Row:
    noise = torch.randn(4, generator=torch.Generator().manual_seed(row["seed"] % 2**62))
    return row["clip_id"], noise, torch.tensor(len(row["caption"]) / 100)


@dataclass(frozen=True)
class BatchMaker:
    size: int

    def __call__(self, rows: Sequence[Row]) -> list[Batch]:
        parts = [rows[start : start + self.size] for start in range(0, len(rows), self.size)]
        return [
            Batch(
                {
                    "noise": torch.stack([row[1] for row in part]),
                    "length": torch.stack([row[2] for row in part]),
                },
                count=len(part),
                size=len(part),
                ids=tuple(row[0] for row in part),
            )
            for part in parts
        ]


def train(
    dataset: Path,
    run: Path,
    settings: MinimalSettings | None = None,
    *,
    resume: bool = False,
    on_progress: OnProgress = lambda stage, done, total, note: None,
) -> dict[str, Any]:
    settings = check_run(run, settings, DEFAULT, resume=resume)
    with setting_up(run):
        accelerator = make_accelerator(settings)
        with first_process(accelerator) as first:
            if first and not (run / SETTINGS_NAME).is_file():
                run.mkdir(exist_ok=True)
                write_settings(run, settings)
        torch.manual_seed(settings.seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Dropout(settings.dropout), torch.nn.Linear(8, 1)
        )
        torch.manual_seed(settings.seed + accelerator.process_index)
        make = BatchMaker(settings.batch)
        columns = ["clip_id", "caption", "seed"]
        loader = ShardLoader(
            dataset,
            "train",
            columns=columns,
            batch_size=settings.batch * settings.accumulation,
            transform=make_row,
            collate=make,
            workers=settings.workers,
            rank=accelerator.process_index,
            world_size=accelerator.num_processes,
        )
        fixed = ShardLoader(
            dataset,
            "validation",
            columns=columns,
            batch_size=64,
            transform=make_row,
            collate=make,
            shuffle=False,
        )
        net, optimizer, ema = prepare(accelerator, net, make_optimizer(net, settings), settings)
        task = MinimalTask(accelerator, net, next(iter(fixed)))
    state = fit(task, net, optimizer, loader, run, settings, accelerator, ema=ema, on_progress=on_progress)
    return run_facts(run, state)
