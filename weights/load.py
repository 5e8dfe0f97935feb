"""Loads weights: reads what torch.save wrote, fills networks with exactly their weights, or says why not."""

from __future__ import annotations

import codecs
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from leitmotif.storage.errors import first_line, is_machine_fault
from leitmotif.weights.resolve import FETCH, BadModel

# Old checkpoints hold numpy arrays and numbers beside their weights, such as the state of a sampler; to build
# them again runs no code. The functions that do it have one name since NumPy 2 and had another before.
_REBUILD = {"_reconstruct": np.zeros(1).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_HARMLESS: list[Any] = [np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in "?bBhHiIlLefd")]
_HARMLESS += [
    (function, f"numpy.{core}.multiarray.{name}")
    for name, function in _REBUILD.items()
    for core in ("core", "_core")
]

# Pickles of Python 2's protocol hold bytes as text that is encoded again.
_HARMLESS += [(codecs.encode, "_codecs.encode")]

# Tables that a network computes by itself; some checkpoints hold them.
_COMPUTED = ("position_ids", "token_type_ids", "relative_position_index")


def read_weights(path: Path, key: str = "model") -> dict[str, torch.Tensor]:
    """Return the tensors under a key of a checkpoint by name, in their shapes; no code in the file is run.

    What lies beside them, such as the state of an optimizer, is not read into memory where the format allows.

    Raises:
        BadModel: The file is truncated, no checkpoint, or holds no weights under the key.
    """
    document = _document(path)
    weights = document.get(key) if isinstance(document, dict) else None
    if not isinstance(weights, dict) or not all(torch.is_tensor(tensor) for tensor in weights.values()):
        raise BadModel(
            f"got {str(path)!r}, a checkpoint without weights under {key!r}; expected the published file"
        )
    return weights


def read_text(path: Path, key: str) -> str:
    """Return the text under a key of a checkpoint; no code in the file is run.

    Raises:
        BadModel: The file is truncated, no checkpoint, or holds no text under the key.
    """
    document = _document(path)
    text = document.get(key) if isinstance(document, dict) else None
    if not isinstance(text, str):
        raise BadModel(
            f"got {str(path)!r}, a checkpoint without text under {key!r}; expected the published file"
        )
    return text


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file that `torch.save` wrote as a dictionary of NumPy arrays; no code is run.

    Raises:
        BadModel: The file is truncated, or holds something else.
    """
    document = _document(path)
    if not isinstance(document, dict) or not all(
        isinstance(name, str) and isinstance(array, np.ndarray) and array.dtype.kind == "f"
        for name, array in document.items()
    ):
        raise BadModel(f"got {str(path)!r}, a file without arrays by name; expected the published one")
    return document


def _document(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise BadModel(
            f"got {str(path)!r}, which does not open as a checkpoint ({type(error).__name__}); expected a "
            "whole file of torch.save: fetch it again with `leitmotif fetch-models`"
        ) from error


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


def check_kind(config: Any, kind: str) -> None:
    """Refuse the configuration of another kind of model, whose weights would silently be drawn at random."""
    if config.model_type != kind:
        raise ValueError(f"its config.json says model_type {config.model_type!r}")


def check_complete(report: Mapping[str, Any]) -> None:
    """Refuse weights in which some are missing or of another shape, which would silently be drawn at random.

    Args:
        report: The loading info of `from_pretrained`.
    """
    missing = sorted(name for name in report.get("missing_keys", ()) if not name.endswith(_COMPUTED))
    if missing:
        raise ValueError(f"{len(missing)} weights are missing, {missing[0]} first")
    if mismatched := sorted(str(entry[0]) for entry in report.get("mismatched_keys", ())):
        raise ValueError(f"{len(mismatched)} weights are of another shape, {mismatched[0]} first")


def load_network(kind: Any, folder: Path, **settings: Any) -> Any:
    """Return a network of transformers with exactly its weights, in float32, for inference.

    Args:
        kind: Its class.
        folder: A folder of `save_pretrained`.
        settings: What else its `from_pretrained` is to know.

    Raises:
        ValueError: Weights are missing or of another shape; and whatever transformers raises (see `loading`).
    """
    net, report = kind.from_pretrained(folder, dtype=torch.float32, output_loading_info=True, **settings)
    check_complete(report)
    return net.eval().requires_grad_(False)


@contextmanager
def loading(model: str, kind: str, expected: str, *, fetch: str = FETCH) -> Iterator[None]:
    """Turn whatever a library raises over unfit weights into one line.

    Args:
        model: The model as the user named it.
        kind: What it is loaded as, such as "CLAP".
        expected: What would load.
        fetch: What fetches it.

    Raises:
        BadModel: Loading failed, for another reason than a full disk or memory.
    """
    try:
        yield
    except BadModel:
        raise
    except Exception as error:
        if is_machine_fault(error):
            raise
        raise BadModel(
            f"got model {model!r}, which does not load as {kind} ({first_line(error)}); expected {expected}; "
            f"where it was fetched only in part, {fetch}"
        ) from error
