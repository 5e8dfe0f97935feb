"""The JSON Schema of stats.json, made from its types, and checked before anything is written."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jsonschema
from pydantic import TypeAdapter

from leitmotif.reports.statistics.model.stats import Stats


class StatsError(ValueError):
    """Numbers that do not have the form that `leitmotif.reports.statistics.model` describes."""


@functools.cache
def load_schema() -> dict[str, Any]:
    """Return the JSON Schema of stats.json."""
    made = TypeAdapter(Stats).json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "stats.schema.json",
        "title": "Statistics of a video-music-text dataset",
    }
    return head | {key: value for key, value in _described(made).items() if key != "title"}


def _described(schema: Any) -> Any:
    """Return a schema with descriptions of one line, without the titles that repeat its keys."""
    if isinstance(schema, list):
        return [_described(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: " ".join(value.split())
        if key == "description" and isinstance(value, str)
        else {name: _described(part) for name, part in value.items()}
        if key == "properties"
        else _described(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


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
            f"stats.json: {place}: {error.message[:300]}; expected what "
            "leitmotif.reports.statistics.model describes"
        )
