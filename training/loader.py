"""Stream the rows of a published dataset to a trainer: shuffled, divided among ranks, resumed exactly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.loader_batches import Parcel, Recipe, ShardBatches
from training.loader_freight import Receiver
from training.loader_media import decoders
from training.loader_order import Order, size_batches
from training.loader_split import LoaderError, check_columns, open_split

Item = TypeVar("Item")
_log = logging.getLogger(__name__)


def _unchanged(row: dict[str, Any]) -> Any:
    return row


class ShardLoader(IterableDataset[Any], Generic[Item]):
    """Iterates the batches that are left of an epoch of a split; the next iteration is the next epoch.

    Every row occurs exactly once an epoch over all ranks, and all ranks get the same number of batches. The
    order follows from dataset, seed, epoch, batch size, buffer and number of ranks, never from the number of
    workers. All batches are full but those at the end of an epoch, where the remainder is divided evenly
    among the ranks (`loader_order.size_batches`).

    `state_dict` counts the batches that the consumer was given, whatever the workers have prepared by then. A
    state can be taken up with any number of workers. With another number of ranks the rows that are left of
    the epoch are divided anew, each still exactly once; from the next epoch on all is as if there had never
    been another.

    With Accelerate, give every process its `rank` and `world_size`, do not `prepare` the loader, and register
    it for checkpointing. Where a `DataLoader` is demanded, `DataLoader(loader, batch_size=None)` is one.
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
        self.rank, self.world_size = rank, world_size
        self.workers, self.prefetch = workers, prefetch
        self.epoch = 0
        self.skipped = 0
        self._order = Order(seed=seed, batch_size=batch_size, buffer=buffer, shuffle=shuffle)
        self._recipe = Recipe(
            columns=check_columns(self.split, columns),
            decoders=decoders(decode, frames),
            transform=transform,
            collate=collate,
            skip=on_error == "skip",
        )
        self._past: list[tuple[int, int]] = []
        self._step = 0
        self._turn = object()
        self._batches = self._plan(self.epoch, self._past)

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch."""
        sizes = size_batches(self.split.rows, batch_size=self._order.batch_size, world_size=self.world_size)
        return len(sizes)

    def __iter__(self) -> Iterator[Any]:
        """Give the batches that are left of this epoch, or those of the next one if none is.

        Raises:
            LoaderError: A shard cannot be read, a row cannot be decoded, a worker died, or the loader was
                moved or iterated anew in between.
        """
        if get_worker_info():
            raise LoaderError(
                "a shard loader has workers of its own: give workers=N to it, not to DataLoader"
            )
        if self._step == len(self._batches):
            self._advance()
        turn = self._turn = object()
        for parcel in self._parcels():
            if turn is not self._turn:
                raise LoaderError("the loader was moved or iterated anew while this iteration was going on")
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
        if self._step == len(self._batches):
            return {**self._identity(), "epoch": self.epoch + 1, "steps": []}
        steps = [*self._past, (self.world_size, self._step)] if self._step else self._past
        return {**self._identity(), "epoch": self.epoch, "steps": [list(pair) for pair in steps]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a state was taken.

        Args:
            state: Of `state_dict`, taken with any number of workers and ranks.

        Raises:
            LoaderError: It belongs to another dataset, split, seed, batch size, buffer or order, or to none.
        """
        for name in (*self._identity(), "epoch", "steps"):
            if name not in state:
                raise LoaderError(f"the loader's state has no {name!r}; give what state_dict returned")
        for name, mine in self._identity().items():
            if state[name] != mine:
                raise LoaderError(
                    f"the loader's state was taken with {name} {state[name]!r}, this loader has {mine!r}; "
                    f"resume with the same {name}, or begin a new run"
                )
        try:
            epoch = int(state["epoch"])
            if epoch < 0:
                raise ValueError(f"epoch {epoch}")
            past = [(int(ranks), int(steps)) for ranks, steps in state["steps"]]
            step = past.pop()[1] if past and past[-1][0] == self.world_size else 0
            batches = self._plan(epoch, past)
            if not 0 <= step <= len(batches):
                raise ValueError(f"step {step} of {len(batches)}")
        except (TypeError, ValueError) as error:
            raise LoaderError(
                f"the loader's state does not fit this loader ({error}); resume with the former number of "
                "ranks, or begin a new run"
            ) from error
        self.epoch, self._past, self._step, self._batches = epoch, past, step, batches
        self._turn = object()

    def _identity(self) -> dict[str, Any]:
        return {"dataset": self.split.fingerprint, "split": self.split.name, **asdict(self._order)}

    def _plan(self, epoch: int, past: Sequence[tuple[int, int]]) -> list[np.ndarray]:
        """The batches of this rank since it has been one of so many."""
        groups = [group.rows for group in self.split.groups]
        return self._order.batches(groups, epoch, past, self.world_size)[self.rank :: self.world_size]

    def _parcels(self) -> Iterator[Parcel]:
        left = self._batches[self._step :]
        seed = self._order.seed, self.epoch
        receiver = Receiver(self.workers)
        loader = DataLoader(
            ShardBatches(self.split, self._recipe, left, seed=seed, taken=receiver.taken),
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=self.prefetch if self.workers else None,
            # Otherwise it draws from the global generator, and a resumed training would go another way.
            generator=torch.Generator().manual_seed(self._order.seed),
        )
        try:
            for parcel in loader:
                if self.workers and not parcel.failure:
                    parcel.batch = receiver.unpack(parcel.batch)
                yield parcel
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker (pid"):
                raise
            said = str(error).splitlines()[0].rstrip(". ")
            raise LoaderError(
                f"a worker of the loader died ({said}); if memory ran out, use fewer workers or a smaller "
                "buffer"
            ) from error

    def _advance(self) -> None:
        self.epoch, self._past, self._step = self.epoch + 1, [], 0
        self._batches = self._plan(self.epoch, self._past)


def _check(**arguments: tuple[int, int]) -> None:
    for name, (value, least) in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise LoaderError(f"got {name} {value!r}; expected a whole number of at least {least}")


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise LoaderError(f"got {name} {value!r}; expected {' or '.join(map(repr, known))}")
