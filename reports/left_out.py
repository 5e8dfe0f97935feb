"""The clips that were left out: why, in sentences, and a few of each rule and each stage to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters import rule as filters_rule
from leitmotif.filters.sentence import explain
from leitmotif.reports.gallery_item import GalleryItem, Media
from leitmotif.reports.naming import name_of

PER_REASON = 3

# Returns picture and sound of clips that were left out, in their order.
Show = Callable[[Sequence[Mapping[str, Any]]], Sequence[Media]]


def choose_left_out(rejected: pa.Table, quarantined: pa.Table, show: Show | None = None) -> list[GalleryItem]:
    """Return a few clips of each rule that rejected some, and of each stage that failed on some.

    Args:
        rejected: The rejected clips.
        quarantined: The quarantined clips.
        show: Gives their media; without it they have none.
    """
    nearest = pc.abs(pc.subtract(rejected["value"], rejected["threshold"]))
    chosen = _some(rejected.append_column("distance", nearest), "rule")
    broken = _some(quarantined, "stage")
    media = show([*chosen, *broken]) if show else [Media()] * (len(chosen) + len(broken))
    return [
        GalleryItem("rejected" if row.get("rule") else "quarantined", _reason(row), row, found, sentence(row))
        for row, found in zip([*chosen, *broken], media, strict=True)
    ]


def sentence(row: Mapping[str, Any]) -> str:
    """Return why a clip was left out, from its row of rejected.parquet or quarantine.parquet."""
    if row.get("rule") is None:
        return " ".join(filter(None, (row.get("message"), row.get("error") and f"({row['error']})")))
    if row.get("detail"):
        return str(row["detail"])
    rule = filters_rule.discover().get(row["rule"])
    if rule is None:
        return f"measured {row['value']:g}; the rule wants {row['threshold']:g}"
    return explain(rule, row["value"], row["threshold"])


def left_out_rows(table: pa.Table, reason: str, count: int) -> list[tuple[Any, ...]]:
    """Return the first rows as a page lists them: file, rule or stage, why, clip id."""
    rows = table.slice(0, count).to_pylist()
    return [(name_of(row), row[reason], sentence(row), row["clip_id"]) for row in rows]


def _some(table: pa.Table, reason: str) -> list[dict[str, Any]]:
    """Return a few rows of each reason: those nearest to the threshold, where judgements differ."""
    found: list[dict[str, Any]] = []
    order = [(name, "ascending") for name in ("distance", "clip_id", "source") if name in table.column_names]
    for value in table[reason].unique().to_pylist():
        rows = table.filter(pc.equal(table[reason], value)).sort_by(order).slice(0, PER_REASON)
        found += rows.to_pylist()
    return found


def _reason(row: Mapping[str, Any]) -> str:
    return str(row.get("rule") or row.get("stage"))
