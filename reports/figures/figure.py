"""A figure of a report: a drawing with its title, what it counts, where its numbers come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from markupsafe import Markup

from leitmotif.reports.figures.svg import short
from leitmotif.reports.statistics.model.stats import Stats

PAPER = "Visuals Music Bridge"
MOST_BARS = 24
_TABLE_ROWS = 200


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: Short and unique in a report; the stem of a file, the anchor of a link.
        title: What is shown.
        drawing: An `<svg>` element.
        count: How many clips (or what `of` says) the figure counts.
        source: Where the numbers come from.
        of: What is counted.
        notes: What else a reader must know, a sentence each.
        head: Column names of the numbers as a table.
        rows: The numbers.
        wide: The drawing needs the whole width.
        legend: Marks and what they stand for, HTML each.
    """

    name: str
    title: str
    drawing: Markup
    count: int
    source: str
    of: str = "clips"
    notes: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: Sequence[Sequence[Any]] = ()
    wide: bool = False
    legend: tuple[Markup, ...] = ()

    @property
    def alt(self) -> str:
        """What the drawing shows, in words."""
        return unescape(self.drawing.partition('aria-label="')[2].partition('"')[0])

    @property
    def table(self) -> Sequence[Sequence[Any]]:
        """The first rows of the numbers, as many as a page can bear."""
        return self.rows[:_TABLE_ROWS]


def column(stats: Stats, *names: str) -> str:
    """Return where numbers of some columns come from."""
    listed = ", ".join(names)
    if stats["kind"] == "workspace":
        return f"{listed} in the stores of the workspace"
    return f"{'columns' if len(names) > 1 else 'column'} {listed} of data/*.parquet"


def summarise(name: str, entry: Mapping[str, Any]) -> str:
    """Return a histogram in words, for those who cannot see it."""
    if not entry["count"]:
        return f"Histogram of {name}: no values."
    text = (
        f"Histogram of {name}: {entry['count']:,} values from {short(entry['min'])} to {short(entry['max'])}"
    )
    text += f", mean {short(entry['mean'])}"
    if quantiles := entry.get("quantiles"):
        text += f", median {short(quantiles['p50'])}"
    for rule, threshold in entry.get("thresholds", {}).items():
        text += f"; threshold of {rule}: {short(threshold)}"
    return text + "."


def bin_rows(entry: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the bins of a histogram that hold something: from, to, counts."""
    columns = [entry["counts"]] + ([entry["rejected_counts"]] if entry.get("rejected_counts") else [])
    edges = zip(entry["edges"], entry["edges"][1:], strict=False)
    return [(low, high, *found) for (low, high), *found in zip(edges, *columns, strict=True) if any(found)]


def list_counts(name: str, counts: Mapping[str, int]) -> str:
    """Return the greatest of some counts in words."""
    first = ", ".join(f"{key} {count:,}" for key, count in list(counts.items())[:8])
    return f"Bars of {name}: {first}{' and others' if len(counts) > 8 else ''}."


def quantiles_of(edges: Sequence[float], counts: Sequence[int], shares: Sequence[float]) -> list[float]:
    """Return quantiles read off a histogram, values spread evenly over a bin."""
    total = sum(counts)
    found = []
    for share in shares:
        left = share * total
        for low, high, count in zip(edges, edges[1:], counts, strict=False):
            if count and left <= count:
                found.append(low + (high - low) * left / count)
                break
            left -= count
    return found
