"""Tables that are held: the last ones asked for, up to so many bytes, at a cost that does not grow."""

import pyarrow as pa

from leitmotif.storage.held_tables import HeldTables
from tests.work import lines_run

TABLE = pa.table({"value": pa.array([1, 2, 3], pa.int64())})  # 24 bytes


def test_a_table_of_the_same_state_is_given_back_and_one_of_another_is_not() -> None:
    held = HeldTables(100)
    held.keep("a", 1, TABLE)
    assert held.take("a", 1) is TABLE
    assert held.take("a", 1) is None and len(held) == 0
    held.keep("a", 1, TABLE)
    assert held.take("a", 2) is None and len(held) == 0


def test_what_was_asked_for_longest_ago_goes_where_there_is_no_room() -> None:
    held = HeldTables(3 * 24)
    for name in "aba":  # the second "a" is in place of the first
        held.keep(name, 1, TABLE)
    held.keep("c", 1, TABLE)
    assert len(held) == 3
    held.keep("d", 1, TABLE)
    assert [held.take(name, 1) is TABLE for name in "abcd"] == [True, False, True, True]
    for name in "abc":
        held.keep(name, 1, TABLE)
    assert len(held) == 3  # room of what was taken is free


def test_what_is_too_large_is_not_held_and_nothing_is_after_clearing() -> None:
    held = HeldTables(23)
    held.keep("a", 1, TABLE)
    assert len(held) == 0
    held = HeldTables(24)
    held.keep("a", 1, TABLE)
    held.clear()
    held.keep("b", 1, TABLE)
    assert held.take("a", 1) is None and held.take("b", 1) is TABLE


def test_a_table_costs_the_same_however_many_are_held() -> None:
    held = HeldTables(1 << 20)

    def ask() -> None:
        assert held.take(0, 1) is not None
        held.keep(0, 1, TABLE)

    held.keep(0, 1, TABLE)
    few = lines_run(ask)
    for number in range(1000):
        held.keep(number, 1, TABLE)
    assert lines_run(ask) == few
