"""The encoders of this process: each is loaded once, whichever stages use it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from encoders.folders import resolve_model, revision_of

if TYPE_CHECKING:
    from encoders.clap import ClapEncoder
    from encoders.clip import ClipEncoder


@cache
def model_of(model: str, revision: str | None) -> str:
    """Return `name@revision` of a model without loading it.

    Raises:
        BadModel: A folder was meant and it is missing or incomplete.
    """
    return f"{model}@{revision_of(resolve_model(model), None, revision)}"


@cache
def clap(model: str, revision: str | None, device: str) -> ClapEncoder:
    """Return the loaded CLAP encoder."""
    from encoders.clap import ClapEncoder

    _be_quiet()
    return ClapEncoder(model, revision=revision).load(device)


@cache
def clip(model: str, revision: str | None, device: str) -> ClipEncoder:
    """Return the loaded CLIP encoder."""
    from encoders.clip import ClipEncoder

    _be_quiet()
    return ClipEncoder(model, revision=revision).load(device)


def _be_quiet() -> None:
    """Keep the bars that transformers draws while it loads weights out of our own progress."""
    from transformers.utils import logging

    logging.disable_progress_bar()
