"""What happened to the clips that were not kept: rejections by rule, quarantines by stage."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.reports.statistics.value_counts import count_texts, most_first


def read_thresholds(recipe: Mapping[str, Any]) -> dict[str, float]:
    """Return the threshold of each rule of a recipe, in the recipe's order; what is no number is left out."""
    rules = recipe.get("rules")
    found: dict[str, float] = {}
    for name, value in rules.items() if isinstance(rules, dict) else ():
        threshold = value.get("threshold") if isinstance(value, dict) else value
        if isinstance(threshold, int | float) and math.isfinite(threshold):
            found[str(name)] = float(threshold)
    return found


def asked_only(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return each rule that one kind of files alone is asked for, and which: films or tracks.

    Args:
        recipe: A plan; of its kinds the first is that of files with a moving picture.
    """
    kinds = [kind["rules"] for kind in recipe.get("kinds", ())]
    if len(kinds) < 2:
        return {}
    films, tracks = kinds
    return {
        rule: "films" if rule in films else "tracks"
        for rule in read_thresholds(recipe)
        if (rule in films) != (rule in tracks)
    }


def count_rejections(rejected: pa.Table, thresholds: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Count the rejected rows of each rule, in the recipe's order; idle rules stand with 0."""
    counted: Counter[str] = Counter()
    count_texts(counted, rejected.column("rule"))
    found: dict[str, dict[str, Any]] = {}
    for rule in [*thresholds, *(name for name in most_first(counted) if name not in thresholds)]:
        rows = rejected.filter(pc.equal(rejected.column("rule"), rule))
        used = _finite(rows.column("threshold"))
        found[rule] = {
            "count": counted[rule],
            "threshold": used[0].as_py() if len(used) else thresholds.get(rule),
            **pc.min_max(_finite(rows.column("value"))).as_py(),
        }
    return found


def count_quarantines(quarantined: pa.Table) -> dict[str, dict[str, Any]]:
    """Count the quarantined rows of each stage, and the errors that put them there."""
    pairs: Counter[str] = Counter()
    stage, error = (
        pc.fill_null(quarantined.column(name).cast(pa.string()), "unknown") for name in ("stage", "error")
    )
    count_texts(pairs, pc.binary_join_element_wise(stage, error, "\x00"))
    found: dict[str, dict[str, Any]] = {}
    for pair, count in most_first(pairs).items():
        name, _, kind = pair.partition("\x00")
        entry = found.setdefault(name, {"count": 0, "errors": {}})
        entry["count"] += count
        entry["errors"][kind] = count
    return found


def rejected_values(rejected: pa.Table, rules: tuple[str, ...]) -> list[float]:
    """Return the finite values that some rules rejected."""
    chosen = rejected.filter(pc.is_in(rejected.column("rule"), value_set=pa.array(rules, pa.string())))
    return _finite(chosen.column("value")).to_pylist()


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    values = column.drop_null()
    return values.filter(pc.is_finite(values))
