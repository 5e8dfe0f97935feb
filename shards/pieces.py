"""A dataset cut into pieces of rows, so that several processes check it side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from leitmotif.shards.columns import MEDIA
from leitmotif.shards.errors import reading
from leitmotif.shards.layout import find_shards
from leitmotif.shards.row_check import Checked, check_rows
from leitmotif.shards.sample import choose_rows
from leitmotif.storage import parquet

# A dataset is cut into so many pieces at least, that every process has about as much to do.
PIECES = 16


@dataclass(frozen=True)
class Piece:
    """Some rows of a row group: what is checked at once.

    Attributes:
        shard: The file.
        split: Its split.
        group: Number of the row group.
        first: Number of the group's first row in the shard.
        start: Row of the group where the piece begins.
        stop: Row of the group before which it ends.
        decode: Rows of the group whose media are decoded.
        media_bytes: What these media take in the file, about.
        group_bytes: What all media of the row group take there; they are read together.
    """

    shard: Path
    split: str
    group: int
    first: int
    start: int
    stop: int
    decode: tuple[int, ...]
    media_bytes: int
    group_bytes: int

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What `check_rows` is called with."""
        return str(self.shard), self.group, self.first, self.start, self.stop, list(self.decode)

    def __len__(self) -> int:
        return self.stop - self.start


# Checks pieces, here or elsewhere, and yields what was found in each, in order.
Run = Callable[[Sequence[Piece]], Iterator[Checked]]


def check_here(pieces: Sequence[Piece]) -> Iterator[Checked]:
    """Check pieces in this process."""
    return (check_rows(*piece.arguments) for piece in pieces)


def cut(dataset: Path, *, decode: int | None = None) -> list[Piece]:
    """Return all rows of a dataset in pieces, in order.

    Args:
        dataset: A published folder.
        decode: How many rows are to be decoded; all by default.

    Raises:
        DatasetError: A shard cannot be read.
    """
    groups = list(_groups(dataset))
    total = sum(len(group) for group in groups)
    chosen = choose_rows(total, total if decode is None else decode, seed=0)
    pieces: list[Piece] = []
    before = 0
    for group in groups:
        rows = len(group)
        here = chosen[(chosen >= before) & (chosen < before + rows)] - before
        parts = min(-(-PIECES // len(groups)), max(rows, 1))
        for start, stop in pairwise(np.linspace(0, rows, parts + 1).astype(int).tolist()):
            numbers = tuple(here[(here >= start) & (here < stop)].tolist())
            media_bytes = group.group_bytes * len(numbers) // max(rows, 1)
            piece = replace(group, start=start, stop=stop, decode=numbers, media_bytes=media_bytes)
            pieces.append(piece)
        before += rows
    return pieces


def _groups(dataset: Path) -> Iterator[Piece]:
    """Yield the row groups of a dataset, each as one piece of which nothing is decoded."""
    for split, shards in find_shards(dataset).items():
        for path in shards:
            with reading(dataset, f"shard {path.name}"):
                footer = parquet.read_metadata(path)
            first = 0
            for number in range(footer.num_row_groups):
                rows = footer.row_group(number).num_rows
                yield Piece(path, split, number, first, 0, rows, (), 0, _media_bytes(footer, number))
                first += rows


def _media_bytes(footer: parquet.FileMetaData, number: int) -> int:
    group = footer.row_group(number)
    columns = map(group.column, range(group.num_columns))
    return sum(each.total_compressed_size for each in columns if each.path_in_schema.split(".")[0] in MEDIA)
