"""Rows of embeddings: out of a model's output, onto the unit sphere."""

from typing import Any

import numpy as np
import torch


def pooled_rows(output: Any) -> np.ndarray:
    """Return the embeddings of a `get_*_features` call: a tensor before transformers 5, an object since."""
    tensor = output if torch.is_tensor(output) else output.pooler_output
    return tensor.float().cpu().numpy()


def unit_rows(rows: list[np.ndarray], dim: int) -> np.ndarray:
    """Return the stacked rows, L2-normalised, shape (n, dim), float32; (0, dim) for none.

    Raises:
        ValueError: A row is not finite: weights are broken, or half precision overflowed.
    """
    if not rows:
        return np.zeros((0, dim), np.float32)
    stacked = np.concatenate(rows).astype(np.float64)
    if not np.isfinite(stacked).all():
        raise ValueError("got an embedding that is not finite; expected sound weights: try --device cpu")
    norms = np.linalg.norm(stacked, axis=1, keepdims=True)
    return (stacked / np.maximum(norms, 1e-12)).astype(np.float32)
