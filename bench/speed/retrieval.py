"""How fast the nearest vectors are found: at 25,046, the paper's dataset, and at a million.

Vectors lie as embeddings of music do: around a common midst, with variances that fall from dimension to
dimension. Of clap-mini's windows of 407 recordings ten dimensions hold 70 % of the variance, twenty 86 %, and
the midst has two thirds of a vector's length; here ten hold 71 % and twenty 92 %, and noise fills all
512. There are 20,000 themes, and a vector is one of them with half as much again of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from bench.figure import cpu_seconds, figure, ratios
from leitmotif.retrieval.cells import CellIndex, measure_probes, part
from leitmotif.retrieval.vectors import NumpyIndex

DIM, COUNT, PAIRS = 512, 10, 7
SMALL, LARGE = 25_046, 1_000_000
THEMES, OWN, NOISE, MIDST = 20_000, np.float32(0.5), np.float32(0.2), np.float32(1.0)
# Deviation in each dimension.
FALL = np.exp(-np.arange(DIM) / 16, dtype=np.float32)
FALL /= np.linalg.norm(FALL)
# Asked one after the other, as they come.
QUERIES_SMALL, QUERIES_LARGE = 200, 24
RECALL_QUERIES = 400


def figures() -> Iterator[dict[str, Any]]:
    """Yield `retrieval-25k/numpy` and `retrieval-1m/faiss-flat`: queries a second over those of the other."""
    faiss.omp_set_num_threads(1)
    with threadpool_limits(1):
        yield small()
        yield large()


def small() -> dict[str, Any]:
    """Compare an exact search with a product, a partition and a sort."""
    rng = np.random.default_rng(1)
    themes = draw_themes(rng)
    vectors, queries = draw(themes, SMALL, rng), draw(themes, QUERIES_SMALL, rng)
    ours = NumpyIndex(vectors)
    for query in queries[:20]:
        if ours.search(query[None], COUNT)[1][0].tolist() != brute_force(vectors, query).tolist():
            raise RuntimeError("an exact search found others than brute force")
    runs = ratios(
        lambda: [ours.search(query[None], COUNT) for query in queries],
        lambda: [brute_force(vectors, query) for query in queries],
        PAIRS,
        seconds=cpu_seconds,
    )
    return figure(
        "retrieval-25k/numpy",
        runs,
        unit="x speed",
        against=f"vectors @ query, argpartition and a sort of the {COUNT} best, {SMALL} vectors of {DIM}, "
        "one query at a time; seconds of CPU, one thread each, same results",
        target=">= 1",
    )


def large() -> dict[str, Any]:
    """Compare a search of cells with FAISS's of all, and say how many of the nearest it finds."""
    rng = np.random.default_rng(2)
    themes = draw_themes(rng)
    vectors, queries = draw(themes, LARGE, rng), draw(themes, RECALL_QUERIES, rng)
    cells = part(vectors, np.random.default_rng(0))
    vectors = vectors[cells.order]
    probes, _ = measure_probes(vectors, cells, np.random.default_rng(1))
    ours = CellIndex(vectors, cells.cell, cells.centroids, probes)
    theirs = faiss.IndexFlatIP(DIM)
    theirs.add(vectors)
    _, exact = theirs.search(queries, COUNT)
    _, found = ours.search(queries, COUNT)
    recall = np.mean([len({*a} & {*b}) / COUNT for a, b in zip(exact.tolist(), found.tolist(), strict=True)])
    queries = queries[:QUERIES_LARGE]
    runs = ratios(
        lambda: [ours.search(query[None], COUNT) for query in queries],
        lambda: [theirs.search(query[None], COUNT) for query in queries],
        PAIRS,
        seconds=cpu_seconds,
    )
    return figure(
        "retrieval-1m/faiss-flat",
        runs,
        unit="x speed",
        against=f"IndexFlatIP of faiss {faiss.__version__}, {LARGE} vectors of {DIM} around {THEMES} themes, "
        f"one query at a time; seconds of CPU, one thread each; recall@{COUNT} {recall:.3f}, {probes} of "
        f"{len(cells.centroids)} cells",
        target=">= 5",
    )


def draw_themes(rng: np.random.Generator) -> np.ndarray:
    """Return the themes, float32 (THEMES, DIM), of length 1 on the mean."""
    return rng.standard_normal((THEMES, DIM), np.float32) * FALL


def draw(themes: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return unit vectors around themes, float32 (count, DIM)."""
    found = np.empty((count, DIM), np.float32)
    for start in range(0, count, 1 << 16):
        some = found[start : start + (1 << 16)]
        some[:] = themes[rng.integers(len(themes), size=len(some))]
        some += OWN * FALL * rng.standard_normal(some.shape, np.float32)
        some += NOISE * DIM**-0.5 * rng.standard_normal(some.shape, np.float32)
        some[:, -1] += MIDST
        some /= np.linalg.norm(some, axis=1, keepdims=True)
    return found


def brute_force(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return the nearest rows, best first."""
    cosines = vectors @ query
    best = np.argpartition(cosines, -COUNT)[-COUNT:]
    chosen: np.ndarray = best[np.argsort(-cosines[best])]
    return chosen
