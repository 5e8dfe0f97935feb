"""Stream the rows of a published dataset to a trainer: shuffled, divided among ranks, resumed exactly."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from leitmotif.shards.dataset import Dataset
from leitmotif.storage.errors import UserError, first_line
from leitmotif.training.loader.batches import RowPipeline, ShardBatches, WorkerBatch
from leitmotif.training.loader.columns import check_columns
from leitmotif.training.loader.decode import decoders
from leitmotif.training.loader.order import order_rows, size_batches
from leitmotif.training.loader.shared_memory import SharedReader

Item = TypeVar("Item")
logger = logging.getLogger(__name__)


def _unchanged(row: dict[str, Any]) -> Any:
    return row


class ShardLoader(IterableDataset[Any], Generic[Item]):
    """Iterates the batches that are left of an epoch of a split; the next iteration is the next epoch.

    Every row occurs exactly once an epoch over all ranks, and all ranks get the same number of batches. The
    order follows from dataset, seed, epoch, buffer and the rows of a step (batch size times ranks), never
    from the number of workers: two ranks with batches of 4 learn from the same rows in each step as one with
    batches of 8. All batches are full but those at the end of an epoch, where the remainder is divided
    evenly among the ranks (`order.size_batches`).

    `state_dict` counts the rows that the consumers were given, whatever the workers have prepared by then. A
    state can be taken up with any number of workers, and with any number of ranks if the rows of a step stay
    the same. With the same batch size and more or fewer ranks the rows that are left of the epoch are divided
    again, each still exactly once; the next epoch has the order that belongs to the new number of ranks.

    With Accelerate, give every process its `rank` and `world_size`, do not `prepare` the loader, and register
    it for checkpointing. Where a `DataLoader` is demanded, `DataLoader(loader, batch_size=None)` is one.
    """

    def __init__(
        self,
        dataset: str | Path | Dataset,
        split: str,
        *,
        columns: Sequence[str],
        batch_size: int,
        transform: Callable[[dict[str, Any]], Item] = _unchanged,
        collate: Callable[[list[Item]], Any] = list,
        shuffle: bool = True,
        buffer: int = 1024,
        seed: int = 0,
        workers: int = 0,
        rank: int = 0,
        world_size: int = 1,
        decode: bool = True,
        frames: str = "numpy",
        audio_s: float | None = None,
        features: Sequence[str] = (),
        on_error: str = "raise",
        prefetch: int = 2,
    ) -> None:
        """Open a split; workers start with the first iteration.

        Args:
            dataset: A folder that `leitmotif publish` wrote, or the dataset that was opened there.
            split: Name of the split.
            columns: Columns that a row has (only these are read), and "seed", a number for a transform that
                draws at random: it follows from seed, epoch and row.
            batch_size: Rows of a batch of one rank.
            transform: Makes an item of a row, in the worker.
            collate: Makes a batch of the items, in the worker.
            shuffle: False gives the rows in the order of the shards, in every epoch.
            buffer: Rows that the shuffle buffer holds, over all ranks and workers.
            seed: Seed of the order, not negative.
            workers: Processes that read and decode; 0 does it in this one.
            rank: Rank of this process.
            world_size: Number of ranks.
            decode: `audio` and `mix` come as `decode.Audio`, `frames` as a list of pictures; False leaves
                them as bytes.
            frames: "numpy", RGB uint8 (height, width, 3), or "pil".
            audio_s: `audio` and `mix` come as `decode.AudioWindow`: a window of this many seconds, the same
                of both, that the row's seed draws, decoded alone; clips that are shorter come whole. None
                gives all of it.
            features: Side tables of the dataset (`DATASET/features/NAME-…/`), by name. A row has the columns
                of each as a dictionary under its name, lists of numbers as arrays; None where the table lacks
                the clip.
            on_error: What happens to a row whose audio or frames cannot be decoded: "raise", or "skip",
                which leaves it out, counts it in `skipped` and logs its name.
            prefetch: Batches that each worker prepares ahead.

        Raises:
            UserError: An argument cannot be used.
            DatasetError: The dataset cannot.
        """
        _check(batch_size=(batch_size, 1), buffer=(buffer, 1), seed=(seed, 0), workers=(workers, 0))
        _check(world_size=(world_size, 1), rank=(rank, 0), prefetch=(prefetch, 1))
        _check_choice("on_error", on_error, ("raise", "skip"))
        _check_choice("frames", frames, ("numpy", "pil"))
        if audio_s is not None and not 0 < audio_s < math.inf:
            raise UserError(f"got audio_s {audio_s!r}; expected seconds above 0, or None for the whole clip")
        if rank >= world_size:
            raise UserError(f"got rank {rank} of {world_size} ranks; expected 0 to {world_size - 1}")
        opened = dataset if isinstance(dataset, Dataset) else Dataset(dataset)
        self.split = opened.split(split)
        if self.split.rows < world_size:
            raise UserError(
                f"split {split!r} has {self.split.rows} rows for {world_size} ranks; use fewer ranks"
            )
        self.rank, self.world_size = rank, world_size
        self.workers, self.prefetch = workers, prefetch
        self.epoch = 0
        self.skipped = 0
        self.batch_size, self.seed, self.buffer, self.shuffle = batch_size, seed, buffer, shuffle
        self._pipeline = RowPipeline(
            columns=check_columns(self.split, columns),
            decoders=decoders(decode, frames),
            transform=transform,
            collate=collate,
            skip=on_error == "skip",
            window_s=audio_s,
            features=tuple(opened.features(name) for name in features),
        )
        self._begin(0)

    def __len__(self) -> int:
        """Return the batches of this rank in a whole epoch."""
        return len(size_batches(self.split.rows, batch_size=self.batch_size, world_size=self.world_size))

    def __iter__(self) -> Iterator[Any]:
        """Give the batches that are left of this epoch, or those of the next one if none is.

        Raises:
            UserError: A shard cannot be read, a row cannot be decoded, a worker died, or the loader was
                moved or iterated again in between.
        """
        if get_worker_info():
            raise UserError("a shard loader has workers of its own: give workers=N to it, not to DataLoader")
        if self._step == len(self._batches):
            self._begin(self.epoch + 1)
        turn = self._turn = object()
        for made in self._worker_batches():
            if turn is not self._turn:
                raise UserError("the loader was moved or iterated anew while this iteration was going on")
            if made.failure:
                raise UserError(made.failure)
            self._step += 1
            self.skipped += len(made.broken)
            for line in made.broken:
                logger.warning("left out %s", line)
            if made.size:
                yield made.batch
            elif self.world_size > 1:
                raise UserError(
                    f"no row of a batch of rank {self.rank} can be decoded, and other ranks wait for it; "
                    "use a larger batch, or mend the dataset"
                )
        self._begin(self.epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """Return where the consumers stand, for JSON; the same on all ranks after the same step."""
        epoch, step_size, given = self.epoch, self._step_size, self._given[self._step]
        if given == self.split.rows:
            epoch, step_size, given = epoch + 1, self.batch_size * self.world_size, 0
        return {
            **self._identity(),
            "batch_size": self.batch_size,
            "world_size": self.world_size,
            "epoch": epoch,
            "step_size": step_size,
            "rows": given,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a state was taken.

        Args:
            state: What `state_dict` returned.

        Raises:
            UserError: It belongs to another dataset, split, seed, batch size, buffer or order, or to none.
        """
        for name in self.state_dict():
            if name not in state:
                raise UserError(f"the loader's state has no {name!r}; give what state_dict returned")
        numbers = {name: state[name] for name in ("epoch", "rows", "step_size", "batch_size", "world_size")}
        epoch, given, step_size, *batches = numbers.values()
        if not all(isinstance(number, int) and number >= 0 for number in numbers.values()) or not (
            step_size and given < self.split.rows
        ):
            raise UserError(f"the loader's state is damaged, it has {numbers}; take an older one")
        mine = self._identity()
        if math.prod(batches) != self.batch_size * self.world_size:
            mine["batch_size"] = self.batch_size
        for name, value in mine.items():
            if state[name] != value:
                raise UserError(
                    f"the loader's state was taken with {name} {state[name]!r}, this loader has {value!r}; "
                    f"resume with the same {name}, or begin a new run"
                )
        left = self.split.rows - given
        if left < self.world_size:
            raise UserError(
                f"{left} rows are left of epoch {epoch}, for {self.world_size} ranks; resume with "
                f"{state['world_size']} ranks until the next epoch"
            )
        self._go_to(epoch, step_size=step_size, given=given)

    def _identity(self) -> dict[str, Any]:
        return {
            "dataset": self.split.fingerprint,
            "split": self.split.name,
            "seed": self.seed,
            "buffer": self.buffer,
            "shuffle": self.shuffle,
        }

    def _begin(self, epoch: int) -> None:
        self._go_to(epoch, step_size=self.batch_size * self.world_size, given=0)

    def _go_to(self, epoch: int, *, step_size: int, given: int) -> None:
        """Plan what is left of an epoch that began with steps of `step_size` rows, after `given` rows."""
        rows = np.arange(self.split.rows)
        if self.shuffle:
            groups = [group.rows for group in self.split.groups]
            rows = order_rows(groups, seed=self.seed, epoch=epoch, buffer=self.buffer, step_size=step_size)
        left = rows[given:]
        sizes = size_batches(len(left), batch_size=self.batch_size, world_size=self.world_size)
        self.epoch, self._step_size, self._step = epoch, step_size, 0
        self._given = [given, *(given + np.cumsum(sizes.sum(axis=1))).tolist()]
        self._batches = np.split(left, np.cumsum(sizes)[:-1])[self.rank :: self.world_size]
        self._turn = object()

    def _worker_batches(self) -> Iterator[WorkerBatch]:
        left = self._batches[self._step :]
        seed = self.seed, self.epoch
        shared = SharedReader(self.workers)
        loader = DataLoader(
            ShardBatches(self.split, self._pipeline, left, seed=seed, taken=shared.taken),
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=self.prefetch if self.workers else None,
            # Otherwise it draws from the global generator, and a resumed training would go another way.
            generator=torch.Generator().manual_seed(self.seed),
        )
        try:
            for made in loader:
                if self.workers and not made.failure:
                    made.batch = shared.unpack(made.batch)
                yield made
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker (pid"):
                raise
            said = first_line(error).rstrip(". ")
            raise UserError(
                f"a worker of the loader died ({said}); if memory ran out, use fewer workers or a smaller "
                "buffer"
            ) from error


def _check(**arguments: tuple[int, int]) -> None:
    for name, (value, least) in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UserError(f"got {name} {value!r}; expected a whole number of at least {least}")


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UserError(f"got {name} {value!r}; expected {' or '.join(map(repr, known))}")
