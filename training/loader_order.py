"""In which order the rows of a split are given out, and to which rank: a function of numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Into so many lanes a rank's row groups are divided at most: every usual number of workers divides it.
_LANES = (24, 12, 8, 6, 4, 2)
# A lane's buffer holds at least so many batches, lest a batch be little more than a piece of one row group.
_BATCHES_MIXED = 4
# And so many row groups, since those at the ends of a lane are read twice.
_GROUPS_OF_LANE = 4


@dataclass(frozen=True)
class Order:
    """What the order of an epoch follows from, beside the row groups and the number of ranks."""

    seed: int
    batch_size: int
    buffer: int
    """Rows among which a rank draws the next one."""
    shuffle: bool

    def batches(
        self, groups: Sequence[range], epoch: int, past: Sequence[tuple[int, int]], world_size: int
    ) -> list[np.ndarray]:
        """Return the batches of all ranks that are left of an epoch.

        Args:
            groups: The rows of each row group.
            epoch: Of the training.
            past: What was given out of it before: pairs of a number of ranks and how many steps they went.
            world_size: Number of ranks that are to share what is left.

        Returns:
            Rows of each batch, int64 (n,); batch `i` belongs to rank `i % world_size`.

        Raises:
            ValueError: `past` cannot be, or there are fewer rows than ranks.
        """
        rows = np.arange(groups[-1].stop)
        if self.shuffle:
            first = past[0][0] if past else world_size
            rows = order_rows(
                groups,
                seed=self.seed,
                epoch=epoch,
                buffer=self.buffer,
                batch_size=self.batch_size,
                world_size=first,
            )
        for ranks, steps in past:
            sizes = size_batches(len(rows), batch_size=self.batch_size, world_size=ranks)
            if not 0 < steps <= len(sizes):
                raise ValueError(f"{steps} steps of {len(sizes)}")
            rows = rows[sizes[:steps].sum() :]
        sizes = size_batches(len(rows), batch_size=self.batch_size, world_size=world_size)
        return np.split(rows, np.cumsum(sizes)[:-1]) if len(rows) else []


def order_rows(
    groups: Sequence[range], *, seed: int, epoch: int, buffer: int, batch_size: int, world_size: int
) -> np.ndarray:
    """Shuffle the rows of a split for one epoch.

    The row groups are strung together in random order, the rows of each at random too, and the string is cut
    into lanes. Each lane has its own share of the shuffle buffer, and consecutive batches come from the lanes
    in turn. So the batches of a rank, and of each of its workers as long as their number divides the
    lanes', lie in row groups that hardly anybody else has to read.

    Args:
        groups: The rows of each row group.
        seed: Chooses the order together with `epoch`.
        epoch: Of the training.
        buffer: Rows among which a rank draws the next one.
        batch_size: Rows of a batch.
        world_size: Number of ranks.

    Returns:
        Every row once, int64 (rows,); batch `i` is the i-th run of `batch_size` rows and belongs to rank
        `i % world_size`.
    """
    rng = np.random.default_rng([seed, epoch])
    rows = np.concatenate([rng.permutation(groups[n]) for n in rng.permutation(len(groups))])
    full = len(rows) // batch_size
    most = min(full // world_size, len(groups) // (_GROUPS_OF_LANE * world_size))
    most = min(most, buffer // (_BATCHES_MIXED * batch_size))
    lanes = world_size * next((lanes for lanes in _LANES if lanes <= most), 1)
    share = max(1, buffer * world_size // lanes)
    cuts = np.cumsum(full // lanes + (np.arange(lanes) < full % lanes)) * batch_size
    *parts, rest = np.split(rows, cuts)
    batches = np.concatenate([_stir(part, share, rng) for part in parts]).reshape(full, batch_size)
    turns = np.concatenate([np.arange(len(part) // batch_size) for part in parts])
    return np.concatenate([batches[np.argsort(turns, kind="stable")].reshape(-1), rest])


def size_batches(rows: int, *, batch_size: int, world_size: int) -> np.ndarray:
    """Divide rows into steps of one batch for each rank.

    All batches are full but those of the last step, which is divided evenly among the ranks. If it had fewer
    rows than there are ranks, the last two steps are divided evenly together, and with a batch size of 1,
    where that is impossible, the first ranks get two rows in the last step.

    Args:
        rows: How many there are.
        batch_size: Rows of a batch.
        world_size: Number of ranks.

    Returns:
        Rows of each batch, int64 (steps, world_size); none is 0, and they add up to `rows`.

    Raises:
        ValueError: There are fewer rows than ranks.
    """
    if 0 < rows < world_size or world_size < 1:
        raise ValueError(f"{rows} rows cannot be shared by {world_size} ranks")
    steps, rest = divmod(rows, batch_size * world_size)
    full = np.full((steps, world_size), batch_size)
    if not rest:
        return full
    if rest >= world_size:
        return np.vstack([full, _divide(rest, 1, world_size)])
    if batch_size > 1:
        return np.vstack([full[:-1], _divide(batch_size * world_size + rest, 2, world_size)])
    full[-1, :rest] += 1
    return full


def _divide(rows: int, steps: int, world_size: int) -> np.ndarray:
    """Sizes of `steps * world_size` batches that differ by at most one; the larger ones first."""
    each, more = divmod(rows, steps * world_size)
    return (each + (np.arange(steps * world_size) < more)).reshape(steps, world_size)


def _stir(rows: np.ndarray, buffer: int, rng: np.random.Generator) -> np.ndarray:
    """Pass rows through a shuffle buffer: each place in it gives up its row at random and takes the next."""
    if len(rows) <= buffer:
        return rng.permutation(rows)
    held = rows[:buffer].tolist()
    given = []
    places = rng.integers(len(held), size=len(rows) - len(held)).tolist()
    for place, row in zip(places, rows[len(held) :].tolist(), strict=True):
        given.append(held[place])
        held[place] = row
    return np.concatenate([np.array(given, np.int64), rng.permutation(np.array(held, np.int64))])
