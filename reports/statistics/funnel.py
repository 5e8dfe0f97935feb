"""The way from all clips to the kept ones, step by step, with counts and hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters.rule import ASKED_FIRST, Rule
from leitmotif.pipelines.measured import CATALOG
from leitmotif.reports.statistics.histogram import BINS, readable_histogram

FATES = {"rejected": "rule", "quarantined": "quarantined", "pending": "pending"}


def describe_funnel(
    lost: Mapping[str, Mapping[str, int]],
    kept: tuple[int, float],
    measured: pa.Table | None,
    *,
    stages: Sequence[str],
    stage_of: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return `funnel` of stats.json: the steps in the order in which clips meet them.

    Args:
        lost: Rejected, quarantined, pending → rule or stage → clips, in order.
        kept: Clips that are kept, and their hours.
        measured: Length and fate of every clip; None where that is not stored.
        stages: In the order of measuring.
        stage_of: Rule → the stage that measures its number.
    """
    lengths = _lengths(measured)
    steps = []
    for fate, kind in FATES.items():
        names = lost.get(fate, {})
        for name in names:
            hours, unknown = lengths.get((fate, name), (0.0, 0))
            steps.append((name, kind, names[name], hours, unknown))
    steps.sort(key=lambda step: step_place(step[1], step[0], stages, stage_of))
    clips = kept[0] + sum(step[2] for step in steps)
    hours = kept[1] + sum(step[3] for step in steps)
    found = [_step("catalogued", "catalogued", (clips, hours), (0, 0.0), 0, measured)]
    for name, kind, count, gone, unknown in steps:
        clips, hours = clips - count, hours - gone
        found.append(_step(name, kind, (clips, hours), (count, gone), unknown, measured))
    return [*found, _step("kept", "kept", kept, (0, 0.0), 0, measured) | {"hours": round(kept[1], 6)}]


def step_place(kind: str, name: str, stages: Sequence[str], stage_of: Mapping[str, str]) -> tuple[int, ...]:
    """Return where a step stands: a stage loses what fails in it before its rules are asked.

    Copies with the same bytes, and then licences that are not allowed, go once the files are read; what
    belongs to no known stage comes last. Rules of one stage have one place.
    """
    stage = name if kind != "rule" else CATALOG if name in ASKED_FIRST else stage_of.get(name)
    place = stages.index(stage) if stage in stages else len(stages)
    first = [*ASKED_FIRST].index(name) if name in ASKED_FIRST else 0
    return place, ("quarantined", "pending", "rule").index(kind), first


def _step(
    name: str,
    kind: str,
    left: tuple[int, float],
    lost: tuple[int, float],
    unknown: int,
    measured: pa.Table | None,
) -> dict[str, Any]:
    known = measured is not None
    return {
        "step": name,
        "kind": kind,
        "clips": left[0],
        "lost": lost[0],
        # Adding zero turns the -0.0 that rounding may leave into 0.0.
        "hours": round(left[1], 6) + 0.0 if known else None,
        "lost_hours": round(lost[1], 6) if known else None,
        "unknown": unknown,
    }


def _lengths(measured: pa.Table | None) -> dict[tuple[str, str], tuple[float, int]]:
    """Return the hours of each fate and step, and how many of its clips have no known length."""
    if measured is None:
        return {}
    grouped = measured.group_by(["fate", "step"]).aggregate(
        [("duration_s", "sum"), ("duration_s", "count"), ([], "count_all")]
    )
    return {
        (row["fate"], row["step"]): (
            (row["duration_s_sum"] or 0.0) / 3600,
            row["count_all"] - row["duration_s_count"],
        )
        for row in grouped.to_pylist()
    }


def describe_rules(
    measured: pa.Table,
    rules: Sequence[Rule],
    thresholds: Mapping[str, float],
    stages: Sequence[str],
    kinds: Sequence[Mapping[str, Any]] = (),
) -> dict[str, dict[str, Any]]:
    """Return `rules` of stats.json: what each rule judged.

    Args:
        measured: Every clip with its numbers.
        rules: Rules in the order in which they are asked.
        thresholds: Rule → threshold.
        stages: In the order of measuring.
        kinds: Recipes with their rules, where each clip goes by one of several.
    """
    reach = settled_at(measured, [rule.name for rule in rules], [rule.stage for rule in rules], stages)
    found = {}
    for place, rule in enumerate(rules):
        asking = reach >= 2 * place + 1
        owners = [kind["recipe"] for kind in kinds if rule.name in kind["rules"]]
        if owners:
            asking &= pc.is_in(measured["recipe"], value_set=pa.array(owners)).to_numpy()
        values = measured[rule.name].to_numpy()[asking]
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        histogram = readable_histogram(low, high, bins=BINS)
        histogram.add(pa.array(finite))
        found[rule.name] = {
            "stage": rule.stage,
            "unit": rule.unit,
            "keep": rule.keep,
            "threshold": thresholds[rule.name],
            "why": rule.why,
            "reached": int(asking.sum()),
            "passed": int((asking & (reach > 2 * place + 1)).sum()),
            "missing": len(values) - len(finite),
            "edges": histogram.edges(),
            "counts": histogram.counts.tolist(),
        }
    return found


def settled_at(
    measured: pa.Table, rules: Sequence[str], rule_stages: Sequence[str], stages: Sequence[str]
) -> np.ndarray:
    """Return at which place each clip was settled, shape (clips,).

    Rule i has place 2 i + 1; a stage has the place before its first rule; the kept come after all rules.
    """

    def place(fate: str, step: str | None) -> int:
        if fate == "rejected":
            return 2 * rules.index(step) + 1 if step in rules else 0
        if fate in ("quarantined", "pending"):
            before = stages[: stages.index(step)] if step in stages else ()
            return 2 * sum(stage in before for stage in rule_stages)
        return 2 * len(rules) + 1

    pairs = pc.binary_join_element_wise(measured["fate"], pc.fill_null(measured["step"], ""), "\0")
    encoded = pairs.combine_chunks().dictionary_encode()
    places = [place(*pair.split("\0")) for pair in encoded.dictionary.to_pylist()]
    return np.array(places, np.int64)[encoded.indices.to_numpy()]
