"""The search is exact: what brute force finds, in its order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leitmotif.retrieval.vectors import NumpyIndex, greatest


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=900),
    st.integers(1, 20),
)
def test_the_greatest_are_those_of_a_whole_sort(values: list[int], count: int) -> None:
    array = np.array(values, np.float32)
    count = min(count, len(array))
    assert greatest(array, count).tolist() == np.argsort(-array, kind="stable")[:count].tolist()


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 700),
    count=st.integers(1, 12),
    share=st.sampled_from([None, 0.0, 0.1, 0.6, 1.0]),
)
def test_an_exact_search_is_brute_force(seed: int, rows: int, count: int, share: float | None) -> None:
    rng = np.random.default_rng(seed)
    # Whole numbers, so that sums are exact in any order and many cosines are equal.
    vectors = rng.integers(-2, 3, (rows, 6)).astype(np.float32)
    queries = rng.integers(-2, 3, (3, 6)).astype(np.float32)
    where = None if share is None else rng.random(rows) < share
    allowed = np.arange(rows) if where is None else np.flatnonzero(where)

    scores, found = NumpyIndex(vectors).search(queries, count, where=where)

    for number, query in enumerate(queries):
        cosines = vectors[allowed] @ query
        order = np.argsort(-cosines, kind="stable")[:count]
        assert found[number].tolist() == allowed[order].tolist()
        assert scores[number].tolist() == cosines[order].tolist()


def test_many_queries_are_answered_as_each_alone() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(5000, 16)).astype(np.float32)
    queries = rng.normal(size=(2000, 16)).astype(np.float32)
    index = NumpyIndex(vectors)
    _, together = index.search(queries, 5)
    assert together[[0, 999, 1999]].tolist() == [
        index.search(queries[i : i + 1], 5)[1][0].tolist() for i in (0, 999, 1999)
    ]
