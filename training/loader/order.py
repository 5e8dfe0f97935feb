"""In which order the rows of a split are given out, and to which rank: a function of numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# How the string of row groups is cut into streams, (streams of a step, interleave), the best first: each step
# takes its rows from that many streams, and only after `interleave` steps come the same ones again. Ranks
# that share a step have streams of their own, and so have workers.
_LAYOUTS = ((4, 24), (4, 12), (4, 8), (2, 12), (2, 8), (2, 6), (1, 8), (1, 6), (1, 4), (1, 2))
# A step draws from at least this many times its rows, lest it be little more than a piece of one row group.
_STEPS_MIXED = 4
# A stream has at least this many row groups, since those at its ends are read twice.
_GROUPS_OF_STREAM = 4


def order_rows(groups: Sequence[range], *, seed: int, epoch: int, buffer: int, step_size: int) -> np.ndarray:
    """Shuffle the rows of a split for one epoch.

    The row groups are strung together in random order, the rows of each at random too, and the string is cut
    into streams, each with its share of the shuffle buffer. A step takes rows from a few streams, the next
    step from the next few, and so on in turn. So the batches of a rank, and of a worker, lie in row groups
    that hardly anybody else has to read, while the order depends on neither.

    Args:
        groups: The rows of each row group.
        seed: Chooses the order together with `epoch`.
        epoch: Passes over the rows that were made before.
        buffer: Rows among which the next one is drawn, over all ranks.
        step_size: Rows of a step, over all ranks.

    Returns:
        Every row once, int64 (rows,), step after step.
    """
    rng = np.random.default_rng([seed, epoch])
    rows = np.concatenate([rng.permutation(groups[n]) for n in rng.permutation(len(groups))])
    streams, interleave = _layout(len(rows), len(groups), buffer=buffer, step_size=step_size)
    full = len(rows) // step_size
    steps_of_turn = full // interleave + (np.arange(interleave) < full % interleave)
    *strands, rest = np.split(rows, np.cumsum(steps_of_turn) * step_size)
    share = max(1, buffer // (streams * interleave))
    steps = [
        # (streams, rows of each) to (steps, step_size), with a part of each stream in every step
        np.stack([_shuffle_buffer(stream, share, rng) for stream in np.split(strand, streams)])
        .reshape(streams, -1, step_size // streams)
        .swapaxes(0, 1)
        .reshape(-1, step_size)
        for strand in strands
    ]
    in_turn = np.argsort(np.concatenate([np.arange(count) for count in steps_of_turn]), kind="stable")
    return np.concatenate([np.concatenate(steps)[in_turn].reshape(-1), rng.permutation(rest)])


def _layout(rows: int, groups: int, *, buffer: int, step_size: int) -> tuple[int, int]:
    """Return (streams, interleave) of the first layout whose row groups in hand fit into half the buffer."""
    most = min(groups // _GROUPS_OF_STREAM, buffer * groups // (2 * rows))
    steps = min(buffer // (_STEPS_MIXED * step_size), rows // step_size)
    fitting = (
        (streams, interleave)
        for streams, interleave in _LAYOUTS
        if streams * interleave <= most and interleave <= steps and not step_size % streams
    )
    return next(fitting, (1, 1))


def size_batches(rows: int, *, batch_size: int, world_size: int) -> np.ndarray:
    """Divide rows into steps of one batch for each rank; what is left after any step is divided alike.

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
    """Return the sizes of `steps * world_size` batches that differ by at most one; the larger ones first."""
    each, more = divmod(rows, steps * world_size)
    return (each + (np.arange(steps * world_size) < more)).reshape(steps, world_size)


def _shuffle_buffer(rows: np.ndarray, buffer: int, rng: np.random.Generator) -> np.ndarray:
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
