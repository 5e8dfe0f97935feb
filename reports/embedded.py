"""Which numbers are by models that ship with the package: small ones, for first runs and teaching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leitmotif.weights.catalog import BACKENDS


def embedded_models(models: Mapping[str, Mapping[str, int]], recipe: Mapping[str, Any]) -> list[str]:
    """Return which of the models that made the numbers are embedded ones, sorted.

    Args:
        models: Backend → model id with or without "@ revision" → rows, from the kept rows.
        recipe: The recipe, whose stages' settings count too: what rejected every clip stands in no row.
    """
    texts = [str(model) for used in models.values() for model in used]
    waiting: list[Any] = [recipe.get("stages")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            texts.append(value)
    ids = {text.split("@")[0].strip().split("/")[-1] for text in texts}
    return sorted(ids & {backend.model_id for backend in BACKENDS if not backend.weights})
