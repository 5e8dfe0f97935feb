import numpy as np
import pytest

from leitmotif.filters.fingerprint import neighbours
from leitmotif.filters.fingerprint.neighbours import BLOCK, nearest_pairs


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def brute(vectors: np.ndarray, at_least: float, count: int) -> set[tuple[int, int]]:
    near = vectors @ vectors.T
    np.fill_diagonal(near, -2)
    top = np.argsort(-near, axis=1)[:, :count]
    return {
        (min(i, j), max(i, j)) for i, row in enumerate(top.tolist()) for j in row if near[i, j] >= at_least
    }


def test_few_rows_are_compared_exactly() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(300, 6)))
    assert set(nearest_pairs(vectors, at_least=0.9, count=3)) == brute(vectors, 0.9, 3)


def test_of_many_rows_nearly_all_neighbours_are_found() -> None:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(60, 32))
    vectors = centres[rng.integers(0, 60, BLOCK + 1500)] + 0.7 * rng.normal(size=(BLOCK + 1500, 32))
    copies = vectors[:400] + 0.05 * rng.normal(size=(400, 32))
    vectors = unit(np.concatenate([vectors, copies]))
    found, exact = set(nearest_pairs(vectors, at_least=0.95, count=4)), brute(vectors, 0.95, 4)
    assert found <= exact and len(exact) >= 400
    assert len(found) >= 0.97 * len(exact)


def test_rows_of_one_owner_make_no_pair_and_do_not_crowd_out_others() -> None:
    vectors = unit(np.array([[1, 0], [1, 0.001], [1, 0.002], [1, 0.1]]))
    assert nearest_pairs(vectors, at_least=0.9, count=1, owners=["a", "a", "a", "b"]) == [
        (0, 3),
        (1, 3),
        (2, 3),
    ]


def test_equal_rows_beyond_a_block_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", 256)
    pairs = nearest_pairs(unit(np.ones((3 * 256, 4))), at_least=0.9, count=2)
    assert 0 < len(pairs) <= 6 * 256


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_compare_is_fine(rows: int) -> None:
    assert nearest_pairs(np.ones((rows, 3), np.float32), at_least=0.9, count=4) == []
