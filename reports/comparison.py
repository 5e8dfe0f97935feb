"""Two datasets or workspaces side by side, on one page that opens without a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leitmotif.reports.figures.figure import MOST_BARS, Figure
from leitmotif.reports.figures.plots import plot_overlay, plot_pairs
from leitmotif.reports.figures.quality import AXES
from leitmotif.reports.figures.svg import short
from leitmotif.reports.page import fill
from leitmotif.reports.source import open_source
from leitmotif.reports.statistics.compare import compare
from leitmotif.reports.statistics.measure import measure

_TITLES = {
    "genres": "Genres",
    "moods": "Moods",
    "instruments": "Instruments",
    "families": "Families of instruments",
    "tempo_classes": "Tempo class",
    "keys": "Musical key",
    "languages": "Languages of the metadata",
    "licenses": "Licences",
    "sizes": "Frame size",
}
_FACTS = {
    "gini": "Gini coefficient of clips per artist",
    "share_top_1": "share of the most frequent artist",
    "share_top_10": "share of the 10 most frequent artists",
    "share_top_100": "share of the 100 most frequent artists",
}
Row = tuple[str, Any, Any, Any]


def render_comparison(first: Path, second: Path) -> str:
    """Return a page that compares two datasets or workspaces.

    Args:
        first: A folder of a dataset or a workspace.
        second: The folder that it is compared with.

    Returns:
        HTML with style, script and figures inside; it loads nothing.

    Raises:
        DatasetError: A folder is neither.
    """
    return compose_comparison(*(measure(open_source(folder)) for folder in (first, second)))


def compose_comparison(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Return the page from numbers that were measured already; see `render_comparison`."""
    found = compare(first, second)
    names = [str(name) for name in found["datasets"]]
    if names[0] == names[1]:
        names = [f"{names[0]} (first)", f"{names[1]} (second)"]
    groups = [
        ("measured", "What was measured", list(_histograms(found, names))),
        ("tags", "Tags and facts", list(_shares(found, names))),
    ]
    groups = [group for group in groups if group[2]]
    embedded = [(name, stats["embedded_models"]) for name, stats in zip(names, (first, second), strict=True)]
    return fill(
        "comparison.html.j2",
        sections=[
            ("numbers", "Numbers"),
            ("rules", "Rules"),
            *((anchor, title) for anchor, title, _ in groups),
        ],
        names=names,
        embedded=[(name, models) for name, models in embedded if models],
        facts=_facts(found),
        rules=_rules(found),
        groups=groups,
    )


def _facts(found: Mapping[str, Any]) -> list[Row]:
    """Return (what, of the first, of the second, difference) of what fits one number."""
    entries = {f"clips {fate}": entry for fate, entry in found["counts"].items()}
    entries["hours kept"] = found["hours"]
    entries |= {title: found["artists"][name] for name, title in _FACTS.items()}
    entries |= {f"{kind} copies, rejected": entry for kind, entry in found["copies"].items()}
    return [(title, *entry["values"], entry["difference"]) for title, entry in entries.items()]


def _rules(found: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return (rule, thresholds, rejected clips, shares of the catalogued in percent), each of both."""
    return [
        (
            rule,
            *entry["thresholds"],
            *entry["rejected"],
            *(None if share is None else 100 * share for share in entry["share"]),
        )
        for rule, entry in found["rules"].items()
    ]


def _histograms(found: Mapping[str, Any], names: Sequence[str]) -> Iterator[Figure]:
    for name, (title, axis) in AXES.items():
        entry = found["histograms"][name]
        if not all(entry["n"]):
            continue
        series = {
            dataset: {"edges": entry["edges"], "counts": counts}
            for dataset, counts in zip(names, entry["counts"], strict=True)
        }
        notes = [
            f"{dataset}: n = {n:,}, mean {short(mean)}, median {'–' if median is None else short(median)}."
            for dataset, n, mean, median in zip(
                names, entry["n"], entry["mean"], entry["median"], strict=True
            )
        ]
        notes.append(_apart(entry["total_variation"]))
        yield Figure(
            name=name.replace("_", "-"),
            title=title,
            drawing=plot_overlay(
                series, label=axis.format(unit=entry["unit"]), alt=f"{title}. {' '.join(notes)}"
            ),
            count=sum(entry["n"]),
            source="stats.json of both",
            notes=tuple(notes),
            head=("from", "to", *names),
            rows=[
                (entry["edges"][at], entry["edges"][at + 1], *pair)
                for at, pair in enumerate(zip(*entry["counts"], strict=True))
                if any(pair)
            ],
        )


def _shares(found: Mapping[str, Any], names: Sequence[str]) -> Iterator[Figure]:
    for name, title in _TITLES.items():
        entry = found["shares"][name]
        if not all(entry["n"]) or not entry["counts"]:
            continue
        shares = {
            dataset: {label: counts[at] / entry["n"][at] for label, counts in entry["counts"].items()}
            for at, dataset in enumerate(names)
        }
        labels = sorted(
            entry["counts"], key=lambda label: (-sum(share[label] for share in shares.values()), label)
        )
        shown = labels[:MOST_BARS]
        alt = f"{title}, shares of the clips of both: " + ", ".join(
            f"{label} {' and '.join(f'{100 * share[label]:.1f}%' for share in shares.values())}"
            for label in shown[:6]
        )
        yield Figure(
            name=name.replace("_", "-"),
            title=title,
            drawing=plot_pairs(shares, shown, alt=alt),
            count=sum(entry["n"]),
            source="stats.json of both",
            notes=(
                "Shares of the clips of each, the first above the second.",
                _apart(entry["total_variation"]),
            ),
            head=(title.lower(), *names, "difference of the shares, %"),
            rows=[
                (label, *entry["counts"][label], round(100 * entry["difference"][label], 3))
                for label in labels
            ],
        )


def _apart(distance: float | None) -> str:
    if distance is None:
        return "No distance: one of them has no values."
    return f"Total variation distance {distance:.3f} (0 the same, 1 nothing in common)."
