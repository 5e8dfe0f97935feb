"""Every catalogued clip with what became of it and the number that each rule judges, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters import rule as filters_rule
from leitmotif.filters.rule import EXACT_DUPLICATE, Rule
from leitmotif.pipelines.entries import CatalogEntry, Outcome, asked, by_store, stored_under, take
from leitmotif.pipelines.ledger import Ledger
from leitmotif.shards.columns import MEASURED_CLIPS, schema_of
from leitmotif.storage.table import KEY

# The step at which files that cannot be read are quarantined, before every stage.
CATALOG = "catalog"
# kept, rejected, quarantined or pending in `fate`; nothing of `recipe` where there is but one.
FACTS = schema_of([column for column in MEASURED_CLIPS if column[0] != "recipe"])


def measured_table(ledger: Ledger) -> pa.Table:
    """Return one row for each catalogued clip, by clip id.

    From it the funnel can be counted again for other thresholds, without the stores.

    Args:
        ledger: A ledger that has decided.

    Returns:
        The columns of `FACTS`; `recipe`, which the clip goes by, where there are several; and a float64
        column for each rule of the plan, named after it: the number that the rule judges, null where there is
        none or the rule is none of the clip's kind. How much a clip resembles an earlier one depends on which
        others are there, so it is given for the rejected copies alone.
    """
    entries = sorted(ledger.entries, key=lambda entry: (entry.clip_id, entry.source.path))
    stopped, failed = _stops(ledger, entries)
    columns: dict[str, pa.Array] = {
        "clip_id": pa.array([entry.clip_id for entry in entries], pa.string()),
        "duration_s": pa.array([entry.duration_s for entry in entries], pa.float64()),
        "fate": pa.array([_outcome(entry.outcome)[0] for entry in entries], pa.string()),
        "step": pa.array([_outcome(entry.outcome)[1] for entry in entries], pa.string()),
        "stopped_at": pa.array(stopped, pa.string()),
        "decoder": pa.array(_decoders(entries), pa.string()),
        "failed": pa.array(failed, pa.bool_()),
    }
    if len(ledger.kinds) > 1:
        columns["recipe"] = pa.array([entry.stores.plan.recipe for entry in entries], pa.string())
    rules = filters_rule.discover()
    for name in dict.fromkeys(name for stores in ledger.kinds for name in stores.plan.rules):
        columns[name] = _numbers(rules[name], entries)
    return pa.table(columns)


def _decoders(entries: Sequence[CatalogEntry]) -> list[str | None]:
    """Return what read each clip: FFmpeg, or libsndfile where FFmpeg refused it."""
    found: list[str | None] = [None] * len(entries)
    for stage in ("probe", "audio"):
        names = take(entries, stage, "decoder").to_pylist()
        found = [name or known for name, known in zip(names, found, strict=True)]
    return found


def _outcome(outcome: Outcome) -> tuple[str, str | None]:
    if outcome.rule is not None:
        return "rejected", outcome.rule
    if outcome.error is not None:
        return "quarantined", outcome.stage
    if outcome.pending is not None:
        return "pending", outcome.pending
    return "kept", None


def _stops(ledger: Ledger, entries: Sequence[CatalogEntry]) -> tuple[list[str | None], list[bool]]:
    """Return for each clip the first stage without its numbers, and whether that stage failed on it."""
    stopped: list[str | None] = [CATALOG if entry.outcome.stage == CATALOG else None for entry in entries]
    failed = [stop is not None for stop in stopped]
    for stage in ledger.stages:
        for stores, rows in by_store(entries, stage):
            table = stores.store(stage).read([])
            valid = pc.is_valid(table["error"]).to_pylist()
            found = dict(zip(table[KEY].to_pylist(), valid, strict=True))
            for row in rows:
                entry = entries[row]
                error = found.get(stored_under(entry, stage))
                if stopped[row] is None and error is not False and entry.outcome.rule != EXACT_DUPLICATE:
                    stopped[row], failed[row] = stage, error is not None
    return stopped, failed


def _numbers(rule: Rule, entries: Sequence[CatalogEntry]) -> pa.Array:
    """Return the number that a rule judges, for each clip; null where the rule is none of its kind."""
    if rule.relative:
        values = [entry.outcome.value if entry.outcome.rule == rule.name else None for entry in entries]
        return pa.array(values, pa.float64())
    asks = np.array([asked(entry, rule.name) for entry in entries], bool)
    clips = [entry for entry, asks_it in zip(entries, asks, strict=True) if asks_it]
    numbers = rule.judge(clips, partial(take, clips, rule.stage)).numbers
    # Of each clip its place among those that are asked; none of the others, for which that gives null.
    return numbers.take(pa.array(np.cumsum(asks) - 1, mask=~asks))
