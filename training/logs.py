"""The log of a run: one JSON object a line, and the same numbers for TensorBoard and Weights & Biases."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leitmotif.extras import install_command
from leitmotif.storage.atomic import write_bytes
from leitmotif.storage.errors import UserError
from leitmotif.storage.json_lines import Lines, line_of, read_lines

LOG_NAME = "log.jsonl"


class RunLog:
    """Writes numbers by step; a resumed run forgets what came after its checkpoint, and goes on.

    Args:
        run: Folder of the run.
        step: Steps done; later lines of a former process are dropped.
        tensorboard: Whether to write TensorBoard files too.
        wandb: Whether to send the numbers to Weights & Biases too.
        settings: What Weights & Biases shows beside them.

    Raises:
        UserError: A package is missing.
    """

    def __init__(
        self,
        run: Path,
        *,
        step: int = 0,
        tensorboard: bool = True,
        wandb: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = run / LOG_NAME
        kept = [line for line in read_log(run) if line["step"] <= step]
        write_bytes(self.path, b"".join(map(line_of, kept)))
        self._board = _open_board(run, step) if tensorboard else None
        self._wandb = _open_wandb(run, settings or {}) if wandb else None

    def write(self, step: int, kind: str, numbers: Mapping[str, float]) -> None:
        """Write the numbers of a step; `kind` is such as "train" or "validation"."""
        line = {"step": step, "kind": kind, **numbers}
        with self.path.open("ab") as file:
            file.write(line_of(line))
        named = {f"{kind}/{name}": value for name, value in numbers.items()}
        if self._board is not None:
            for name, value in named.items():
                self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(named, step=step)

    def close(self) -> None:
        """Write what still waits."""
        if self._board is not None:
            self._board.close()
        if self._wandb is not None:
            self._wandb.finish()


def read_log(run: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log; one that a crash cut off is left out."""
    return whole_records(run / LOG_NAME)


def whole_records(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a record by step, as they were written; none where there is no such file.

    Args:
        path: JSON Lines, in each of which stands a `step`.
    """
    lines = read_lines(path) if path.is_file() else Lines()
    whole = (record for number, record in lines.records.items() if number not in lines.broken)
    return [record for record in whole if isinstance(record.get("step"), int)]


def _open_board(run: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            f"got tensorboard=true without the package; install it with: {install_command('train')}, "
            "or set tensorboard=false"
        ) from error
    return SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)


def _open_wandb(run: Path, settings: Mapping[str, Any]) -> Any:
    try:
        wandb = importlib.import_module("wandb")
    except ImportError as error:
        raise UserError(
            "got wandb=true without the package; install it with: pip install wandb, or set wandb=false"
        ) from error
    return wandb.init(project="leitmotif", name=run.name, dir=str(run), config=dict(settings), resume="allow")
