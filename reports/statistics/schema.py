"""The form of stats.json, checked before it is written."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jsonschema


class StatsError(ValueError):
    """Numbers that do not have the form that stats.schema.json describes."""


@functools.cache
def load_schema() -> dict[str, Any]:
    """Return the JSON Schema of stats.json."""
    text = (files("leitmotif.reports") / "templates" / "stats.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def check_stats(stats: Mapping[str, Any]) -> None:
    """Check numbers against the schema.

    Raises:
        StatsError: They have another form; the message says where.
    """
    validator = jsonschema.Draft202012Validator(load_schema())
    error = next(validator.iter_errors(stats), None)
    if error is not None:
        place = "/".join(map(str, error.absolute_path)) or "the whole"
        raise StatsError(
            f"stats.json: {place}: {error.message[:300]}; expected what stats.schema.json describes"
        )
