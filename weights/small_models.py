"""Which numbers are by the small models that ship with the package, alone or beside published ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from leitmotif.weights.catalog import BACKENDS

# Stages that say what a sound is, or change it.
LISTENING = ("separation", "tagging", "vocals")
_SHIP = {backend.model_id for backend in BACKENDS if not backend.weights}
_LEARNED = {backend.model_id for backend in BACKENDS if backend.shipped}


def embedded_models(models: Mapping[str, Iterable[str]], recipe: Mapping[str, Any]) -> list[str]:
    """Return the models that ship of which one listens alone, with no published model beside it, sorted.

    Args:
        models: Stage → model ids with or without "@ revision", of the kept rows; several models of one stage
            are joined by " + ".
        recipe: The recipe, whose `models` count where no row has any: what rejected every clip.
    """
    found: set[str] = set()
    for stage in LISTENING:
        for text in _names(models, recipe, stage):
            ids = _ids(text)
            found |= ids if ids <= _SHIP else set()
    return sorted(found)


def small_models(models: Mapping[str, Iterable[str]], recipe: Mapping[str, Any]) -> list[str]:
    """Return the small models, trained on renders, that made any numbers, sorted; arguments as above."""
    stages = {*models, *(recipe.get("models") or {})}
    texts = [text for stage in stages for text in _names(models, recipe, stage)]
    return sorted({name for text in texts for name in _ids(text)} & _LEARNED)


def _names(models: Mapping[str, Iterable[str]], recipe: Mapping[str, Any], stage: str) -> list[str]:
    if stage in models:
        return list(models[stage])
    stated = (recipe.get("models") or {}).get(stage)
    return [] if models or stated is None else [str(stated)]


def _ids(text: str) -> set[str]:
    return {name.split("@")[0].strip().split("/")[-1] for name in text.split(" + ")}
