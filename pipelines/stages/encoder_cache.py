"""The encoders of this process: each is loaded once, whichever stages use it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from leitmotif.weights.catalog import pinned
from leitmotif.weights.files import CHECKPOINTS
from leitmotif.weights.resolve import resolve_model, revision_of

if TYPE_CHECKING:
    from leitmotif.encoders.clap import ClapEncoder
    from leitmotif.encoders.clip import ClipEncoder
    from leitmotif.encoders.laion_clap import LaionClapEncoder
    from leitmotif.encoders.siglip import SiglipEncoder


@cache
def model_of(model: str, revision: str | None) -> str:
    """Return `name@revision` of a model without loading it.

    Raises:
        BadModel: A folder or file was meant and it is missing or incomplete.
    """
    return f"{model}@{revision_of(resolve_model(model, files=CHECKPOINTS), None, pinned(model, revision))}"


def clap_of(settings: Mapping[str, Any]) -> ClapEncoder | LaionClapEncoder:
    """Return the loaded CLAP encoder of the settings of the stage `tagging`."""
    optional = {name: settings[name] for name in ("backend", "tokenizer") if name in settings}
    return clap(settings["model"], settings["revision"], settings["device"], **optional)


def clap(
    model: str, revision: str | None, device: str, *, backend: str = "clap", tokenizer: str | None = None
) -> ClapEncoder | LaionClapEncoder:
    """Return the loaded CLAP encoder."""
    return _load_clap(model, revision, device, backend, tokenizer)


@cache
def _load_clap(
    model: str, revision: str | None, device: str, backend: str, tokenizer: str | None
) -> ClapEncoder | LaionClapEncoder:
    _be_quiet()
    if backend == "laion-clap":
        from leitmotif.encoders.laion_clap import LaionClapEncoder

        return LaionClapEncoder(model, revision=revision, tokenizer=tokenizer).load(device)
    from leitmotif.encoders.clap import ClapEncoder

    return ClapEncoder(model, revision=revision, tokenizer=tokenizer).load(device)


def clip(
    model: str, revision: str | None, device: str, *, backend: str = "clip"
) -> ClipEncoder | SiglipEncoder:
    """Return the loaded CLIP or SigLIP encoder."""
    return _load_clip(model, revision, device, backend)


@cache
def _load_clip(model: str, revision: str | None, device: str, backend: str) -> ClipEncoder | SiglipEncoder:
    _be_quiet()
    if backend == "siglip":
        from leitmotif.encoders.siglip import SiglipEncoder

        return SiglipEncoder(model, revision=revision).load(device)
    from leitmotif.encoders.clip import ClipEncoder

    return ClipEncoder(model, revision=revision).load(device)


def _be_quiet() -> None:
    """Keep the bars that transformers draws out of our own progress."""
    from transformers.utils import logging

    logging.disable_progress_bar()
