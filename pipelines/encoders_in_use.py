"""The encoders of this process: each is loaded once, whichever stages use it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from encoders.folders import resolve_model, revision_of
from encoders.pins import pinned

if TYPE_CHECKING:
    from encoders.clap import ClapEncoder
    from encoders.clip import ClipEncoder
    from encoders.laion_clap import LaionClapEncoder
    from encoders.siglip import SiglipEncoder

# Files of weights, beside folders: what LAION publishes.
_FILES = (".pt", ".pth")


@cache
def model_of(model: str, revision: str | None) -> str:
    """Return `name@revision` of a model without loading it.

    Raises:
        BadModel: A folder or file was meant and it is missing or incomplete.
    """
    return f"{model}@{revision_of(resolve_model(model, files=_FILES), None, pinned(model, revision))}"


def clap_of(settings: Mapping[str, Any]) -> ClapEncoder | LaionClapEncoder:
    """Return the loaded CLAP encoder of the settings of the stage `tagging`."""
    names = ("model", "revision", "device", "backend", "tokenizer")
    return clap(**{name: settings[name] for name in names if name in settings})


@cache
def clap(
    model: str, revision: str | None, device: str, backend: str = "clap", tokenizer: str | None = None
) -> ClapEncoder | LaionClapEncoder:
    """Return the loaded CLAP encoder."""
    _set_up()
    if backend == "laion-clap":
        from encoders.laion_clap import LaionClapEncoder

        return LaionClapEncoder(model, revision=revision, tokenizer=tokenizer).load(device)
    from encoders.clap import ClapEncoder

    return ClapEncoder(model, revision=revision, tokenizer=tokenizer).load(device)


@cache
def clip(model: str, revision: str | None, device: str, backend: str = "clip") -> ClipEncoder | SiglipEncoder:
    """Return the loaded CLIP or SigLIP encoder."""
    _set_up()
    if backend == "siglip":
        from encoders.siglip import SiglipEncoder

        return SiglipEncoder(model, revision=revision).load(device)
    from encoders.clip import ClipEncoder

    return ClipEncoder(model, revision=revision).load(device)


def _set_up() -> None:
    """Keep the bars that transformers draws out of our own progress, and torch at one thread.

    A limit on the threads of numerical libraries holds for those that are loaded when it is set, and torch
    may be imported only now.
    """
    import torch
    from transformers.utils import logging

    torch.set_num_threads(1)
    logging.disable_progress_bar()
