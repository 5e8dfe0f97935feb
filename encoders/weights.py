"""Reads checkpoints that torch.save wrote, and fills a network with exactly their weights."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from leitmotif.encoders.folders import BadModel

# Old checkpoints hold numpy arrays and numbers beside their weights, such as the state of a sampler; to build
# them again runs no code. The functions that do it have one name since NumPy 2 and had another before.
_REBUILD = {"_reconstruct": np.zeros(1).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_HARMLESS: list[Any] = [np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in "?bBhHiIlLefd")]
_HARMLESS += [
    (function, f"numpy.{core}.multiarray.{name}")
    for name, function in _REBUILD.items()
    for core in ("core", "_core")
]


def read_weights(path: Path, key: str = "model") -> dict[str, torch.Tensor]:
    """Return the tensors under a key of a checkpoint; no code in the file is run.

    What lies beside them, such as the state of an optimizer, is not read into memory where the format allows.

    Raises:
        BadModel: The file is truncated, no checkpoint, or holds no weights under the key.
    """
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            document = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise BadModel(
            f"got {str(path)!r}, which does not open as a checkpoint ({type(error).__name__}); expected a "
            "whole file of torch.save: fetch it again with `leitmotif fetch-models --profile paper`"
        ) from error
    weights = document.get(key) if isinstance(document, dict) else None
    if not isinstance(weights, dict) or not all(torch.is_tensor(tensor) for tensor in weights.values()):
        raise BadModel(
            f"got {str(path)!r}, a checkpoint without weights under {key!r}; expected the published file"
        )
    return weights


def fill(net: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Give a network its weights.

    Raises:
        ValueError: A weight is missing, unknown, or of another shape; the first of each kind is named.
    """
    own = net.state_dict()
    faults = {
        "missing": sorted(own.keys() - weights.keys()),
        "unexpected": sorted(weights.keys() - own.keys()),
        "of another shape": sorted(
            name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape
        ),
    }
    if told := [f"{len(names)} weights {kind}, {names[0]} first" for kind, names in faults.items() if names]:
        raise ValueError("; ".join(told))
    net.load_state_dict(weights)
