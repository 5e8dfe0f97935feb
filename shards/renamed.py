"""Stages that had another name until lately, in plans, recipes and datasets of then; read for one version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# The name of then → that of now.
RENAMED_STAGES = {"prints": "fingerprint"}


def stage_now(name: str) -> str:
    """Return what a stage is called now."""
    return RENAMED_STAGES.get(name, name)


def with_stages_now(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan, recipe or profile, as it was read, with the stages as they are called now.

    Args:
        values: With the names of stages, or their settings by name, under `stages`, `left_out` and the
            `stages` of each of its `kinds`; anything else there is left as it is.
    """
    now = {
        key: _named_now(value) if key in ("stages", "left_out") else value for key, value in values.items()
    }
    if isinstance(kinds := now.get("kinds"), list):
        now["kinds"] = [with_stages_now(kind) if isinstance(kind, Mapping) else kind for kind in kinds]
    return now


def _named_now(stages: Any) -> Any:
    if isinstance(stages, Mapping):
        return {stage_now(name): settings for name, settings in stages.items()}
    if isinstance(stages, list):
        return [stage_now(name) if isinstance(name, str) else name for name in stages]
    return stages


def table_with_stages_now(table: pa.Table, *columns: str) -> pa.Table:
    """Return a table whose columns, as far as it has them, name stages as they are called now."""
    for name in {*columns} & {*table.column_names}:
        place, column = table.column_names.index(name), table[name]
        for then, now in RENAMED_STAGES.items():
            column = pc.if_else(pc.fill_null(pc.equal(column, then), False), now, column)
        table = table.set_column(place, table.schema.field(name), column)
    return table
