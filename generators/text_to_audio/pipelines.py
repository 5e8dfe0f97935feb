"""Opens pipelines of diffusers part by part, each with exactly its weights, and runs them for one sound."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from leitmotif.generators.published_layout import INDEX, layout_folder, load_part
from leitmotif.generators.text_to_audio.text_to_audio import fetch_command
from leitmotif.storage.documents import read_object
from leitmotif.weights.load import load_network, loading
from leitmotif.weights.resolve import BadModel

Open = Callable[[Path], Any]
"""Opens a part of its folder."""


def of_diffusers(kind: Any) -> Open:
    """Return what opens a network of diffusers."""
    return lambda folder: load_part(kind, folder).eval().requires_grad_(False)


def of_transformers(kind: Any) -> Open:
    """Return what opens a network of transformers, in float32."""
    return lambda folder: load_network(kind, folder)


def tokenizer(folder: Path) -> Any:
    """Return a tokenizer."""
    return AutoTokenizer.from_pretrained(folder)


def configured(kind: Any) -> Open:
    """Return what opens a part that has settings and no weights, such as a scheduler."""
    return lambda folder: kind.from_pretrained(str(folder))


def open_pipeline(
    kind: Any, parts: Mapping[str, Open], model: str, revision: str, device: str, *, name: str
) -> Any:
    """Return a pipeline of diffusers with all of its parts, on a device.

    Args:
        kind: Its class.
        parts: What opens each part, by the folder in which it lies.
        model: A folder in the layout of diffusers, or a hub id.
        revision: Revision of a hub id.
        device: Where to.
        name: The backend.

    Raises:
        BadModel: It is missing, incomplete, or another pipeline.
    """
    folder = layout_folder(model, revision)
    named = read_object(folder / INDEX).get("_class_name")
    if named != kind.__name__:
        raise BadModel(f"got model {model!r}, which says that it is a {named}; expected a {kind.__name__}")
    fetch = fetch_command(name)
    with (
        loading(model, kind.__name__, f"a whole folder of {kind.__name__}", fetch=fetch),
        warnings.catch_warnings(),
    ):
        # diffusers 0.42 makes some layers by torch's older function of the same result.
        warnings.filterwarnings("ignore", message=".*weight_norm.* is deprecated", category=FutureWarning)
        pipeline = kind(**{name: opened(folder / name) for name, opened in parts.items()})
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)
