"""Tables of a report: balance of the splits, leakage between them, rare labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leitmotif.reports.statistics.model.stats import Stats

Table = tuple[list[str], list[tuple[Any, ...]]]
_LEAKS = {
    "artist": "artist",
    "source": "source (source_id)",
    "url": "address (source_url)",
    "recording": "recording (copies)",
}


def balance_table(stats: Stats) -> Table:
    """Return clips, hours and distance from the whole of each split."""
    head = ["split", "clips", "share, %", "hours", "distance of genres", "of moods", "of instruments"]
    rows = [
        (
            name,
            split["clips"],
            None if split["share"] is None else 100 * split["share"],
            float(split["hours"]),
            *(split["total_variation"][kind] for kind in ("genres", "moods", "instruments")),
        )
        for name, split in stats["split_balance"].items()
    ]
    return head, rows


def leakage_table(stats: Stats) -> Table:
    """Return for each kind of group how many lie in two splits or more."""
    leaks: Mapping[str, Any] = stats["leakage"]
    rows = [
        (_LEAKS[kind], leak["groups"], leak["violations"], leak["clips"], ", ".join(leak["examples"]) or "–")
        for kind, leak in leaks.items()
        if leak is not None
    ]
    return ["what", "groups", "in two splits or more", "clips of those", "examples"], rows


def rarity_table(stats: Stats) -> Table:
    """Return which labels are rare or unused, with measured shares."""
    found = stats["representation"]
    rows = []
    for kind in ("genres", "moods", "instruments"):
        entry = found[kind]
        rare = ", ".join(f"{label} {100 * share:.2g}%" for label, share in entry["under"].items()) or "–"
        rows.append((kind, f"{entry['used']} of {entry['labels']}", entry["evenness"], rare))
    languages = found["languages"]
    share = languages["share_most"]
    most = "–" if share is None else f"{languages['most']} {100 * share:.3g}%"
    rows.append(("languages", f"{languages['used']} seen", languages["evenness"], f"most frequent: {most}"))
    return ["kind", "labels used", "evenness", "rare"], rows
