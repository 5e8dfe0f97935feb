"""Tables of a report: balance of the splits, leakage between them, rare labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leitmotif.reports.statistics.languages import UNKNOWN
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
    languages, seen = found["languages"], stats["languages"]
    # Of all texts looked at, as the chart of the languages has it.
    named = [name for name in (languages["most"], UNKNOWN) if name and seen["counts"].get(name)]
    shares = [f"{name} {100 * seen['counts'][name] / seen['measured']:.3g}%" for name in named]
    most = f"most frequent: {shares.pop(0)}" if languages["most"] else "none could be told"
    rows.append(("languages", f"{languages['used']} seen", languages["evenness"], "; ".join([most, *shares])))
    return ["kind", "labels used", "evenness", "rare"], rows
