"""Audio embeddings laid out in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.reports.naming import name_of
from leitmotif.reports.statistics.histogram import round_figures

COLUMNS = ("clip_id", "clap_embedding", "genres")
NAMES = ("title", "source_id")
METHOD = "principal component analysis, centred, not scaled; the largest weight of each axis is positive"


def describe_map(sample: pa.Table, *, of: int, seed: int) -> dict[str, Any]:
    """Return `embedding_map` of stats.json.

    Args:
        sample: Rows with `COLUMNS`, and `NAMES` where there are some; rows without an embedding are left out.
        of: Clips that the sample stands for.
        seed: Draws the sample.
    """
    found: dict[str, Any] = {"method": METHOD, "seed": seed, "of": of, "explained": []}
    found |= {"clip_id": [], "name": [], "x": [], "y": [], "genre": []}
    if not set(COLUMNS) <= set(sample.column_names):
        return found
    sample = sample.filter(pc.is_valid(sample["clap_embedding"]))
    if not len(sample):
        return found
    flat = pc.list_flatten(sample["clap_embedding"]).to_numpy().astype(np.float64)
    points, explained = project(flat.reshape(len(sample), -1))
    named = [name for name in ("clip_id", *NAMES) if name in sample.column_names]
    best = [(tags or [{"tag": None}])[0]["tag"] for tags in sample["genres"].to_pylist()]
    return found | {
        "explained": [round_figures(share) for share in explained],
        "clip_id": sample["clip_id"].to_pylist(),
        "name": [name_of(row) for row in sample.select(named).to_pylist()],
        "x": [round(float(value), 4) for value in points[:, 0]],
        "y": [round(float(value), 4) for value in points[:, 1]],
        "genre": best,
    }


def project(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components of rows, and the share of the variance along each.

    Args:
        rows: Shape (n, dim), n and dim at least 1.

    Returns:
        Points, shape (n, 2), and shares, shape (2,), 0..1; a component that is not there is 0.
    """
    centred = rows - rows.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(variances)[::-1][:2]
    axes = axes[:, order]
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0))
    points, shares = np.zeros((len(rows), 2)), np.zeros(2)
    total = variances.clip(0).sum()
    if total > 0:
        points[:, : len(order)] = centred @ axes
        shares[: len(order)] = variances[order].clip(0) / total
    return points, shares
