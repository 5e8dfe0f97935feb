"""The search of very many vectors: what it may overlook is measured, and what it finds is right."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from leitmotif.retrieval import cells
from leitmotif.retrieval.build import build
from leitmotif.retrieval.cells import CellIndex, measure_probes, part
from leitmotif.retrieval.index import Index
from leitmotif.retrieval.query import Query
from leitmotif.retrieval.retriever import Retriever
from leitmotif.retrieval.spaces import CLAP
from leitmotif.retrieval.vectors import NumpyIndex
from leitmotif.shards.dataset import Dataset
from tests.retrieval.conftest import Library
from tests.retrieval.known_rows import a_row, write_dataset


def themed(count: int, dim: int = 16) -> np.ndarray:
    rng = np.random.default_rng(3)
    themes = rng.normal(size=(40, dim))
    vectors = themes[rng.integers(40, size=count)] + 0.2 * rng.normal(size=(count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def parted() -> tuple[np.ndarray, cells.Cells]:
    vectors = themed(4000)
    found = part(vectors, np.random.default_rng(0))
    return vectors[found.order], found


def test_every_vector_lies_in_the_cell_whose_centroid_is_nearest(
    parted: tuple[np.ndarray, cells.Cells],
) -> None:
    vectors, found = parted
    assert sorted(found.order.tolist()) == list(range(4000))
    assert found.cell.tolist() == (vectors @ found.centroids.T).argmax(axis=1).tolist()
    assert np.allclose(np.linalg.norm(found.centroids, axis=1), 1, atol=1e-5)


def test_as_many_cells_are_looked_into_as_the_recall_wants(parted: tuple[np.ndarray, cells.Cells]) -> None:
    vectors, found = parted
    probes, recall = measure_probes(vectors, found, np.random.default_rng(1))
    assert recall >= cells.RECALL
    assert probes < len(found.centroids)
    queries = themed(300)
    _, exact = NumpyIndex(vectors).search(queries, 10)
    _, some = CellIndex(vectors, found.cell, found.centroids, probes).search(queries, 10)
    shares = [len({*a} & {*b}) / 10 for a, b in zip(exact.tolist(), some.tolist(), strict=True)]
    assert np.mean(shares) >= 0.97


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_only_what_may_be_found_is_found_and_as_many_as_there_are(
    parted: tuple[np.ndarray, cells.Cells], share: float
) -> None:
    vectors, found = parted
    where = np.random.default_rng(5).random(4000) < share
    index = CellIndex(vectors, found.cell, found.centroids, 1)
    scores, rows = index.search(themed(20), 50, where=where)
    assert rows.shape == (20, 50)
    assert where[rows].all()
    assert all(len(set(row)) == 50 for row in rows.tolist())
    assert np.allclose(scores, np.take_along_axis(themed(20) @ vectors.T, rows, axis=1), atol=1e-6)


def test_all_cells_are_the_exact_search(parted: tuple[np.ndarray, cells.Cells]) -> None:
    vectors, found = parted
    index = CellIndex(vectors, found.cell, found.centroids, len(found.centroids))
    exact = NumpyIndex(vectors).search(themed(20), 10)
    for one, other in zip(index.search(themed(20), 10), exact, strict=True):
        assert np.allclose(one, other)


def test_more_than_there_are_is_all_there_are(parted: tuple[np.ndarray, cells.Cells]) -> None:
    vectors, found = parted
    where = np.zeros(4000, bool)
    where[:700] = True
    _, rows = CellIndex(vectors, found.cell, found.centroids, 2).search(themed(1), 1000, where=where)
    assert sorted(rows[0].tolist()) == list(range(700))


def test_a_large_index_says_how_many_of_the_nearest_it_finds(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "FROM_VECTORS", 4)
    folder = tmp_path / "ds"
    shutil.copytree(library.dataset.path, folder)
    shutil.rmtree(folder / "index")
    dataset = Dataset(folder)
    build(dataset)
    assert (folder / "index" / "clap-cells.parquet").is_file()
    retriever = Retriever(dataset, device="cpu")
    found = retriever.retrieve(Query(audio=library.sounds[1], genre="jazz"), 3)
    assert len(found.broad) == 3
    assert "clap was searched approximately" in found.notes[0]
    exact = Retriever(library.dataset, device="cpu").retrieve(Query(audio=library.sounds[1], genre="jazz"), 3)
    assert [hit.clip_id for hit in found.targeted] == [hit.clip_id for hit in exact.targeted]
    assert found.own == exact.own
    assert Retriever(dataset, device="cpu").retrieve(Query(text="music")).notes == ()
    assert retriever.like_clip(found.own[0])


def test_vectors_of_a_large_index_are_those_of_their_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = themed(300, 4)
    rows = [a_row(number, clap_embedding=vector) for number, vector in enumerate(vectors)]
    dataset = Dataset(write_dataset(tmp_path / "ds", rows))
    monkeypatch.setattr(cells, "FROM_VECTORS", 300)
    build(dataset)
    index = Index(dataset)
    known = index.vectors(CLAP)
    assert known.approximate is not None
    assert np.array_equal(known.exact.vectors, vectors[known.rows])
    assert all(known.place(row) == place for place, row in enumerate(known.rows.tolist()))
