"""Make batches in a worker process: read rows, decode them, transform and collate them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from leitmotif.phrases import command
from leitmotif.shards.columns import SOUNDS
from leitmotif.shards.features import Features
from leitmotif.shards.row_groups import Split
from leitmotif.storage.errors import RunError, UserError
from leitmotif.training.loader.columns import SEED
from leitmotif.training.loader.decode import decode_window
from leitmotif.training.loader.rows import ID, RowReader
from leitmotif.training.loader.shared_memory import SharedWriter


@dataclass
class WorkerBatch:
    """What a worker hands over for one batch."""

    batch: Any = None
    """The batch; as `SharedBatch` if it comes from another process."""
    size: int = 0
    """Rows in it."""
    broken: list[str] = field(default_factory=list)
    """One line for each row that could not be decoded."""
    failure: str | None = None


@dataclass(frozen=True)
class RowPipeline:
    """How a row becomes an item, and items a batch."""

    columns: tuple[str, ...]
    decoders: Mapping[str, Callable[[Any], Any]]
    transform: Callable[[dict[str, Any]], Any]
    collate: Callable[[list[Any]], Any]
    skip: bool
    """Leave out rows that cannot be decoded."""
    window_s: float | None = None
    """Decode a window of the audio of this length; None decodes all of it."""
    features: tuple[Features, ...] = ()
    """Side tables whose columns a row has under their name."""


class ShardBatches(IterableDataset[WorkerBatch]):
    """Batches for `torch.utils.data.DataLoader(batch_size=None)`, in the order of their rows.

    Worker `w` of `n` makes the batches `w`, `w + n`, …, which is the order in which a `DataLoader` asks its
    workers, so that the batches come out in the same order whatever `n` is.
    """

    def __init__(
        self,
        split: Split,
        pipeline: RowPipeline,
        batches: Sequence[np.ndarray],
        *,
        seed: tuple[int, int],
        taken: torch.Tensor,
    ) -> None:
        """Say what to make.

        Args:
            split: Split that the rows come from.
            pipeline: What becomes of a row.
            batches: Rows of each batch, int64 (n,).
            seed: Seed and epoch, from which the column "seed" follows.
            taken: Table of the `SharedReader` that unpacks what worker processes pack.
        """
        self.split = split
        self.seed = seed
        self.taken = taken
        self.pipeline = pipeline
        self.batches = batches

    def __iter__(self) -> Iterator[WorkerBatch]:
        """Make the batches of this worker; after a failure comes nothing."""
        info = get_worker_info()
        mine = self.batches if info is None else self.batches[info.id :: info.num_workers]
        if not mine:
            return
        read = [column for column in self.pipeline.columns if column != SEED]
        reader = RowReader(self.split, read, np.concatenate(mine), self.pipeline.features)
        writer = SharedWriter(info.id, self.taken) if info else None
        for rows in mine:
            try:
                made = self._make(reader, rows.tolist())
            except RunError as error:
                # A `DataLoader` would wrap its worker's traceback around the one line.
                yield WorkerBatch(failure=str(error))
                return
            if writer:
                made.batch = writer.pack(made.batch)
            yield made

    def _make(self, reader: RowReader, rows: list[int]) -> WorkerBatch:
        made = WorkerBatch()
        items = []
        draws = SEED in self.pipeline.columns or self.pipeline.window_s is not None
        names = (*self.pipeline.columns, *(table.name for table in self.pipeline.features))
        for number in rows:
            row = reader.take(number)
            clip_id = row[ID]
            seed = _seed(*self.seed, number) if draws else 0
            try:
                self._decode(row, seed)
            except ValueError as error:
                line = f"{reader.place(number, clip_id)}: {error}"
                if not self.pipeline.skip:
                    validate = command("validate", reader.group(number).shard.parents[1])
                    raise UserError(f"{line}; run `{validate}`, or load with on_error='skip'") from error
                made.broken.append(line)
                continue
            if SEED in self.pipeline.columns:
                row[SEED] = seed
            try:
                items.append(self.pipeline.transform({name: row[name] for name in names}))
            except Exception as error:
                error.add_note(f"in the transform of {reader.place(number, clip_id)}")
                raise
        made.size = len(items)
        if items:
            made.batch = self.pipeline.collate(items)
        return made

    def _decode(self, row: dict[str, Any], seed: int) -> None:
        decode, window_s = self.pipeline.decoders, self.pipeline.window_s
        for name in SOUNDS:
            if name in decode and row.get(name) is not None:
                sound = decode[name] if window_s is None else lambda data: decode_window(data, window_s, seed)
                row[name] = _named(name, sound, row[name])
        if "frames" in decode and row.get("frames") is not None:
            row["frames"] = [
                _named(f"frame {number}", decode["frames"], frame)
                for number, frame in enumerate(row["frames"])
            ]


def _named(what: str, decode: Callable[[Any], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _seed(seed: int, epoch: int, row: int) -> int:
    """Return a number for a transform that draws at random: the same whoever makes the row."""
    return int(np.random.SeedSequence([seed, epoch, row]).generate_state(1, np.uint64)[0])
