"""The encoders of this process: each is loaded once, whichever stages use it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from leitmotif.weights.adapters import adapters, constants_of, make_adapter, own_settings
from leitmotif.weights.backend import clap_adapter
from leitmotif.weights.catalog import name_model


def model_of(stage: str, adapter: str, settings: Mapping[str, Any]) -> str:
    """Return `id@revision` of the model that an adapter runs under a stage's settings, without loading it.

    Raises:
        BadModel: A folder or file was meant and it is missing or incomplete.
        LookupError: There is no such adapter.
    """
    facts = constants_of(adapters(stage)[adapter])
    return name_model(facts, {name: settings.get(name) for name in own_settings(stage, adapter)})


def encoder(stage: str, adapter: str, settings: Mapping[str, Any]) -> Any:
    """Return the loaded encoder of a stage's settings; it is shared by all who ask for it with equal ones.

    Args:
        stage: Stage that the adapter serves.
        adapter: Name of the adapter.
        settings: Settings of the stage; `device` says where it runs.

    Raises:
        BadModel: The model is missing, incomplete, or of another kind.
        LookupError: There is no such adapter, or a package is missing.
    """
    own = {name: settings.get(name) for name in own_settings(stage, adapter)}
    return _load(stage, adapter, str(settings["device"]), tuple(own.items()))


@cache
def _load(stage: str, adapter: str, device: str, own: tuple[tuple[str, Any], ...]) -> Any:
    _be_quiet()
    return make_adapter(stage, adapter, dict(own)).load(device)


def clap_of(settings: Mapping[str, Any]) -> Any:
    """Return the loaded CLAP encoder of the settings of the stage `tagging`."""
    return encoder("tagging", clap_adapter(settings["backend"]), settings)


def clap_model(settings: Mapping[str, Any]) -> str:
    """Return `id@revision` of the CLAP encoder of the settings of the stage `tagging`."""
    return model_of("tagging", clap_adapter(settings["backend"]), settings)


def _be_quiet() -> None:
    """Keep the bars that transformers draws out of our own progress."""
    from transformers.utils import logging

    logging.disable_progress_bar()
