import numpy as np
import pytest

from leitmotif.training.loader.order import order_rows, size_batches


def groups_of(*sizes: int) -> list[range]:
    ends = np.cumsum(sizes).tolist()
    return [range(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def an_order(groups: list[range], **changed: int) -> list[int]:
    settings = {"seed": 0, "epoch": 0, "buffer": 1024, "step_size": 2} | changed
    return order_rows(groups, **settings).tolist()


@pytest.mark.parametrize("buffer", [1, 7, 64, 5000])
@pytest.mark.parametrize("sizes", [(1,), (10,), (3, 3, 3, 3), (1, 50, 2, 9) * 20])
def test_every_row_stands_in_the_order_once(sizes: tuple[int, ...], buffer: int) -> None:
    for step_size in (1, 2, 4, 5, 12, 100, 2000):
        order = an_order(groups_of(*sizes), buffer=buffer, step_size=step_size)
        assert sorted(order) == list(range(sum(sizes)))


def test_seed_and_epoch_choose_the_order_and_nothing_else_does() -> None:
    groups = groups_of(*[20] * 10)
    assert an_order(groups) == an_order(groups)
    orders = [an_order(groups, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_a_buffer_of_one_keeps_row_groups_together() -> None:
    groups = groups_of(*[10] * 6)
    order = an_order(groups, buffer=1)
    found = [row // 10 for row in order]
    assert found == [group for first in range(0, 60, 10) for group in [found[first]] * 10]
    assert order[:10] != sorted(order[:10])


def test_a_step_mixes_rows_of_many_row_groups() -> None:
    order = np.array(an_order(groups_of(*[20] * 500), buffer=1024, step_size=16))
    mixed = [len(set(step // 20)) for step in np.split(order, len(order) // 16)]
    assert np.mean(mixed) > 4


def test_ranks_and_workers_read_row_groups_that_hardly_anybody_else_reads() -> None:
    ranks, workers, size, groups = 2, 4, 20, 480
    order = np.array(an_order(groups_of(*[size] * groups), buffer=1600, step_size=4))
    readers: dict[int, set[tuple[int, int]]] = {}
    for number, batch in enumerate(order.reshape(-1, 4 // ranks)):
        for group in (batch // size).tolist():
            readers.setdefault(group, set()).add((number % ranks, number // ranks % workers))
    assert sum(map(len, readers.values())) < 1.1 * groups


@pytest.mark.parametrize("step_size", [1, 8, 12])
def test_what_waits_in_memory_is_not_much_more_than_the_buffer(step_size: int) -> None:
    size, buffer = 10, 960
    waiting: set[int] = set()
    most = 0
    for row in an_order(groups_of(*[size] * 500), buffer=buffer, step_size=step_size):
        if row not in waiting:
            waiting |= set(range(row - row % size, row - row % size + size))
        waiting.remove(row)
        most = max(most, len(waiting))
    assert buffer / 2 < most <= 1.5 * buffer


@pytest.mark.parametrize(
    ("rows", "batch_size", "world_size", "sizes"),
    [
        (12, 3, 2, [[3, 3], [3, 3]]),
        (10, 3, 1, [[3], [3], [3], [1]]),
        (17, 3, 2, [[3, 3], [3, 3], [3, 2]]),
        (15, 4, 3, [[4, 4, 4], [1, 1, 1]]),
        (9, 2, 4, [[2, 1, 1, 1], [1, 1, 1, 1]]),
        (25, 4, 3, [[4, 4, 4], [3, 2, 2], [2, 2, 2]]),
        (5, 1, 2, [[1, 1], [2, 1]]),
        (2, 8, 1, [[2]]),
        (3, 8, 3, [[1, 1, 1]]),
    ],
)
def test_the_remainder_is_divided_evenly(
    rows: int, batch_size: int, world_size: int, sizes: list[list[int]]
) -> None:
    assert size_batches(rows, batch_size=batch_size, world_size=world_size).tolist() == sizes


def test_no_batch_is_ever_empty_or_too_large() -> None:
    for rows in range(1, 60):
        for batch_size in range(1, 8):
            for world_size in range(1, min(rows, 7) + 1):
                sizes = size_batches(rows, batch_size=batch_size, world_size=world_size)
                assert sizes.sum() == rows and sizes.shape[1] == world_size and sizes.min() >= 1
                assert sizes.max() <= batch_size + (batch_size == 1)


def test_what_is_left_after_any_step_is_divided_alike() -> None:
    for rows in range(1, 60):
        for batch_size in range(1, 6):
            for world_size in range(1, min(rows, 5) + 1):
                sizes = size_batches(rows, batch_size=batch_size, world_size=world_size)
                for step in range(len(sizes)):
                    left = size_batches(int(sizes[step:].sum()), batch_size=batch_size, world_size=world_size)
                    assert left.tolist() == sizes[step:].tolist()
