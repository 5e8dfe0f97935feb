"""The recipe.yaml of a published dataset: everything that is needed to make it again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leitmotif.shards.errors import advice
from leitmotif.shards.renamed import with_stages_now
from leitmotif.shards.texts import encodable
from leitmotif.storage.documents import DocumentError, read_mapping

logger = logging.getLogger("leitmotif.shards")

RECIPE = "recipe.yaml"


def read_recipe(dataset: Path) -> dict[str, Any]:
    """Return a dataset's recipe; nothing where it has none.

    What is of no use is left out, and one line says so: the rows can be read without it.

    Args:
        dataset: The folder.
    """
    path = dataset / RECIPE
    try:
        content = encodable(read_mapping(path))
    except FileNotFoundError:
        return {}
    except (OSError, DocumentError) as error:
        reason = getattr(error, "strerror", None) or error
        logger.warning("%r is passed over (%s); %s", str(path), reason, advice(dataset))
        return {}
    if odd := [key for key, fits in _SHAPES.items() if key in content and not fits(content[key])]:
        logger.warning("%r: passed over %s, of another form; %s", str(path), ", ".join(odd), advice(dataset))
    return with_stages_now({key: value for key, value in content.items() if key not in odd})


def _is_by_name(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _are_kinds(value: Any) -> bool:
    kinds = value if isinstance(value, list) else [None]
    return all(
        isinstance(kind, Mapping) and _are_names(kind.get("stages")) and _are_names(kind.get("rules"))
        for kind in kinds
    )


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "stages": lambda value: _is_by_name(value) or _are_names(value),
    "rules": _is_by_name,
    "tags": _is_by_name,
    "models": _is_by_name,
    "kinds": _are_kinds,
}
