"""Copies that were rejected, put together in groups."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters.rule import EXACT_DUPLICATE

KINDS = {"exact": EXACT_DUPLICATE, "near": "near-duplicate"}
COLUMNS = ("source_id", "rule", "detail")
MOST_GROUPS = 20
# How the ledger says which clip stays.
_STAYS = re.compile(r"^the same (?:bytes|recording) as ")


def describe_duplicates(rejected: pa.Table) -> dict[str, dict[str, Any]]:
    """Return `duplicates` of stats.json.

    Args:
        rejected: The rejected clips, with `COLUMNS`.
    """
    return {
        kind: _describe(rejected.filter(pc.equal(rejected["rule"], rule))) for kind, rule in KINDS.items()
    }


def _describe(rows: pa.Table) -> dict[str, Any]:
    """Group copies with the clips that their details name, transitively."""
    stays: dict[str, str] = {}

    def first(name: str) -> str:
        while name in stays and stays[name] != name:
            name = stays[name]
        return name

    pairs = []
    for row in rows.select(["source_id", "detail"]).to_pylist():
        copy = row["source_id"] or ""
        named = _STAYS.sub("", row["detail"] or "") or copy
        pairs.append((copy, named))
        if first(named) != copy:
            stays.setdefault(copy, first(named))
    groups = Counter(first(named) for _, named in pairs)
    sizes = Counter(count + 1 for count in groups.values())
    order = sorted(groups.items(), key=lambda item: (-item[1], item[0]))
    return {
        "clips": len(pairs),
        "groups": len(groups),
        "sizes": {str(size): count for size, count in sorted(sizes.items())},
        "largest": [{"source_id": name, "copies": count} for name, count in order[:MOST_GROUPS]],
    }
