"""Stream the rows of a published dataset to a trainer: shuffled, divided among ranks, resumed exactly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader

from training.loader_batches import Parcel, Recipe, ShardBatches
from training.loader_media import decoders
from training.loader_order import order_rows, size_batches
from training.loader_split import LoaderError, check_columns, open_split

Item = TypeVar("Item")
_log = logging.getLogger(__name__)


def _unchanged(row: dict[str, Any]) -> Any:
    return row


class ShardLoader(Generic[Item]):
    """Iterates batches of one epoch of a split, from the current position; the next iteration is the next epoch.

    Every row occurs exactly once an epoch over all ranks, and all ranks get the same number of batches. The
    order follows from dataset, split, seed, epoch, batch size, buffer and number of ranks, never from the
    number of workers. Full batches come first; the remainder is divided evenly among the ranks, so that the
    batches of the last step, or of the last two, are smaller (`loader_order.size_batches`).

    `state_dict` counts the batches that the consumer was given, whatever the workers have prepared. A state
    can be taken up with any number of workers. With another number of ranks the rows that are left of the
    epoch are divided anew, each still exactly once; from the next epoch on all is as if it had always been so.

    With Accelerate, give every process its `rank` and `world_size` and do not `prepare` the loader.
    """

    def __init__(
        self,
        dataset: Path,
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
        on_error: str = "raise",
        prefetch: int = 2,
    ) -> None:
        """Open a split; workers start with the first iteration.

        Args:
            dataset: A folder that `leitmotif publish` wrote.
            split: Of the dataset.
            columns: Which columns a row has (only these are read), and "seed", a number for a transform that
                draws at random: it follows from seed, epoch and row.
            batch_size: Rows of a batch of one rank.
            transform: Makes an item of a row, in the worker.
            collate: Makes a batch of the items, in the worker.
            shuffle: False gives the rows in the order of the shards, in every epoch.
            buffer: Rows that a rank's shuffle buffer holds, over all of its workers.
            seed: Of the order, not negative.
            workers: Processes that read and decode; 0 does it in this one.
            rank: Of this process.
            world_size: Number of ranks.
            decode: `audio` comes as `loader_media.Audio` and `frames` as a list of pictures; False leaves
                both as bytes.
            frames: "numpy", RGB uint8 (height, width, 3), or "pil".
            on_error: What happens to a row whose audio or frames cannot be decoded: "raise", or "skip",
                which leaves it out, counts it in `skipped` and logs its name.
            prefetch: Batches that each worker prepares ahead.

        Raises:
            LoaderError: An argument or the dataset cannot be used.
        """
        _check(batch_size=(batch_size, 1), buffer=(buffer, 1), seed=(seed, 0), workers=(workers, 0))
        _check(world_size=(world_size, 1), rank=(rank, 0), prefetch=(prefetch, 1))
        _check_choice("on_error", on_error, ("raise", "skip"))
        _check_choice("frames", frames, ("numpy", "pil"))
        if rank >= world_size:
            raise LoaderError(f"got rank {rank} of {world_size} ranks; expected 0 to {world_size - 1}")
        self.split = open_split(dataset, split)
        if self.split.rows < world_size:
            raise LoaderError(
                f"split {split!r} has {self.split.rows} rows for {world_size} ranks; use fewer ranks"
            )
        self.columns = check_columns(columns)
        self.batch_size, self.shuffle, self.buffer, self.seed = batch_size, shuffle, buffer, seed
        self.workers, self.prefetch = workers, prefetch
        self.rank, self.world_size = rank, world_size
        self.transform, self.collate, self.on_error = transform, collate, on_error
        self.decoders = decoders(decode, frames)
        self.epoch = 0
        self.skipped = 0
        self._past: list[list[int]] = []
        self._step = 0
        self._batches = self._plan()

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch."""
        return len(size_batches(self.split.rows, batch_size=self.batch_size, world_size=self.world_size))

    def __iter__(self) -> Iterator[Any]:
        """Give the batches that are left of this epoch, or those of the next one if none is.

        Raises:
            LoaderError: A shard cannot be read, or a row cannot be decoded.
        """
        if self._step == len(self._batches):
            self._advance()
        for parcel in self._parcels():
            if parcel.failure:
                raise LoaderError(parcel.failure)
            self._step += 1
            self.skipped += len(parcel.broken)
            for line in parcel.broken:
                _log.warning("left out %s", line)
            if parcel.size:
                yield parcel.batch
            elif self.world_size > 1:
                raise LoaderError(
                    f"no row of a batch of rank {self.rank} can be decoded, and other ranks wait for it; "
                    "use a larger batch, or mend the dataset"
                )
        self._advance()

    def state_dict(self) -> dict[str, Any]:
        """Where the consumer stands, for JSON; the same on all ranks after the same step."""
        past = [*self._past, [self.world_size, self._step]]
        epoch = self.epoch
        if self._step == len(self._batches):
            past, epoch = [], epoch + 1
        return {"epoch": epoch, "steps": past, **self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a state was taken.

        Args:
            state: Of `state_dict`, taken with any number of workers and ranks.

        Raises:
            LoaderError: It belongs to another dataset, split, seed, batch size, buffer or order.
        """
        for name, expected in self._identity().items():
            if name not in state:
                raise LoaderError(f"the loader's state has no {name!r}; give what state_dict returned")
            if state[name] != expected:
                raise LoaderError(
                    f"the loader's state was taken with {name} {state[name]!r}, this loader has {expected!r}; "
                    f"resume with the same {name}, or begin a new run"
                )
        past = [[int(world_size), int(step)] for world_size, step in state["steps"]]
        step = past.pop()[1] if past and past[-1][0] == self.world_size else 0
        self.epoch, self._past, self._step = int(state["epoch"]), past, step
        self._batches = self._plan()

    def _identity(self) -> dict[str, Any]:
        return {
            "dataset": self.split.fingerprint,
            "split": self.split.name,
            "seed": self.seed,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "buffer": self.buffer,
        }

    def _plan(self) -> list[np.ndarray]:
        """The rows of each batch of this rank, from where the present number of ranks took over."""
        past = [*self._past, [self.world_size, 0]]
        if self.shuffle:
            rows = order_rows(
                [group.rows for group in self.split.groups],
                seed=self.seed,
                epoch=self.epoch,
                buffer=self.buffer,
                batch_size=self.batch_size,
                world_size=past[0][0],
            )
        else:
            rows = np.arange(self.split.rows)
        for world_size, step in past:
            sizes = size_batches(len(rows), batch_size=self.batch_size, world_size=world_size)
            rows = rows[sizes[:step].sum() :]
        return np.split(rows, np.cumsum(sizes)[:-1])[self.rank :: self.world_size]

    def _parcels(self) -> DataLoader[Parcel]:
        recipe = Recipe(
            self.columns,
            self.decoders,
            self.transform,
            self.collate,
            self.on_error == "skip",
            (self.seed, self.epoch),
        )
        return DataLoader(
            ShardBatches(self.split, recipe, self._batches[self._step :]),
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=self.prefetch if self.workers else None,
            # Otherwise it draws from the global generator, and a resumed training would go another way.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _advance(self) -> None:
        self.epoch += 1
        self._past, self._step = [], 0
        self._batches = self._plan()


def _check(**arguments: tuple[int, int]) -> None:
    for name, (value, least) in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise LoaderError(f"got {name} {value!r}; expected a whole number of at least {least}")


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise LoaderError(f"got {name} {value!r}; expected {' or '.join(map(repr, known))}")
