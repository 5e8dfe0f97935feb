"""Histograms, curves and bars as inline SVG: no scripts, no files, and every text in them escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from leitmotif.reports.figures.svg import (
    WIDTH,
    axis_ticks,
    bar,
    figure,
    line,
    mark,
    path,
    short,
    shorten,
    text,
    whole_ticks,
)

HEIGHT = 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 26, 42
_ROW = 22


class _Frame:
    """Where values and heights fall inside the axes of a figure."""

    def __init__(self, low: float, high: float, top: float) -> None:
        self.low, self.high, self.top = low, high, top
        self.wide, self.tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def across(self, value: float) -> float:
        return _LEFT + (value - self.low) / (self.high - self.low) * self.wide

    def up(self, height: float) -> float:
        return _TOP + self.tall - height / self.top * self.tall

    def axes(self, ticks: Iterable[tuple[float, str]], label: str, side: str) -> list[str]:
        parts = []
        for at, name in ticks:
            y = self.up(at)
            parts += [
                line(_LEFT, y, WIDTH - _RIGHT, y, "rule"),
                text(_LEFT - 6, y + 4, name, "tick", "end"),
            ]
        for value in axis_ticks(self.low, self.high):
            parts.append(text(self.across(value), HEIGHT - _BOTTOM + 16, short(value), "tick", "middle"))
        middle = _LEFT + self.wide / 2
        return [
            *parts,
            text(middle, HEIGHT - 6, label, "axis", "middle"),
            text(4, 10, side, "axis"),
        ]


def plot_histogram(
    entry: Mapping[str, Any], *, label: str, alt: str, curve: Sequence[tuple[float, float]] = ()
) -> Markup:
    """Draw a histogram: kept in one colour, rejected stacked on top, thresholds as marked lines.

    Args:
        entry: `edges`, `counts`, and where there are some `rejected_counts` and `thresholds`.
        label: What the axis says, with the unit.
        alt: What the figure shows, in words.
        curve: Points (value, clips) of a line over the bars.
    """
    edges, kept = entry["edges"], entry["counts"]
    out = entry.get("rejected_counts") or [0] * len(kept)
    thresholds = entry.get("thresholds") or {}
    first, last = _used_bins(kept, out, edges, thresholds.values())
    tallest = max([k + o for k, o in zip(kept, out, strict=True)] + [1])
    ticks = whole_ticks(math.ceil(max([tallest, *(height for _, height in curve)])))
    frame = _Frame(edges[first], edges[last + 1], max(tallest, ticks[-1]))
    parts = frame.axes([(tick, short(tick)) for tick in ticks], label, "clips")
    for index in range(first, last + 1):
        if not kept[index] + out[index]:
            continue
        x = frame.across(edges[index])
        width = max(frame.across(edges[index + 1]) - x - 1, 0.8)
        tip = f"{short(edges[index])} to {short(edges[index + 1])}: {kept[index]:,} kept"
        tip += f", {out[index]:,} rejected" if out[index] else ""
        foot, middle, head = frame.up(0), frame.up(kept[index]), frame.up(kept[index] + out[index])
        parts.append(
            mark(tip, bar(x, middle, width, foot - middle, "kept"), bar(x, head, width, middle - head, "out"))
        )
    shown = [point for point in curve if edges[first] <= point[0] <= edges[last + 1]]
    parts.append(path([(frame.across(value), frame.up(height)) for value, height in shown], "line"))
    parts += _thresholds(frame, thresholds)
    return figure(parts, alt, HEIGHT)


def plot_overlay(series: Mapping[str, Mapping[str, Any]], *, label: str, alt: str) -> Markup:
    """Draw the histograms of several datasets over each other, as shares of their clips.

    Args:
        series: Name → `edges` and `counts`; bins may differ, since what is drawn is the share per unit.
        label: What the axis says, with the unit.
        alt: What the figure shows, in words.
    """
    shapes = {name: _densities(entry) for name, entry in series.items() if sum(entry["counts"])}
    ends = [(edges[0], edges[-1]) for edges, _ in shapes.values()]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    top = max(max(values) for _, values in shapes.values()) or 1.0
    frame = _Frame(low, high, top * 1.05)
    ticks = [(tick, short(tick)) for tick in axis_ticks(0.0, top, count=4)]
    parts = frame.axes(ticks, label, "share of clips per unit")
    for index, (name, (edges, values)) in enumerate(shapes.items()):
        points = [(frame.across(edges[0]), frame.up(0))]
        for at, value in enumerate(values):
            points += [
                (frame.across(edges[at]), frame.up(value)),
                (frame.across(edges[at + 1]), frame.up(value)),
            ]
        points.append((frame.across(edges[-1]), frame.up(0)))
        parts.append(path(points, f"line s{index}"))
        parts.append(mark(name, text(WIDTH - _RIGHT, 12 + 14 * index, shorten(name, 30), f"s{index}", "end")))
    return figure(parts, alt, HEIGHT)


def plot_bars(
    counts: Mapping[str, int], *, alt: str, kind: str = "kept", total: int | None = None, unit: str = "clips"
) -> Markup:
    """Draw horizontal bars, one for each name, with the count (and share of `total`) behind it.

    Args:
        counts: Name → count, in the order in which they are drawn.
        alt: What the figure shows, in words.
        kind: Class that colours the bars.
        total: What 100 % is; without it no share is written.
        unit: What is counted.
    """
    names = [shorten(name, 22) for name in counts]
    gutter = 14 + max([7.4 * len(name) for name in names] + [40])
    room = WIDTH - gutter - 88
    most = max([*counts.values(), 1])
    parts = []
    for row, (name, (full, count)) in enumerate(zip(names, counts.items(), strict=True)):
        y = 4 + row * _ROW
        width = count / most * room
        share = f" · {100 * count / total:.0f}%" if total else ""
        parts.append(
            mark(
                f"{full}: {count:,} {unit}{share}",
                text(gutter - 8, y + 13, name, "name", "end"),
                bar(gutter, y, max(width, 1.0 if count else 0.0), _ROW - 6, kind),
                text(gutter + width + 6, y + 13, f"{count:,}{share}", "count"),
            )
        )
    return figure(parts, alt, max(_ROW, 6 + _ROW * len(names)))


def plot_pairs(series: Mapping[str, Mapping[str, float]], names: Sequence[str], *, alt: str) -> Markup:
    """Draw the shares of two datasets side by side, one pair of bars for each name.

    Args:
        series: Dataset → name → share, 0..1.
        names: What to draw, in order.
        alt: What the figure shows, in words.
    """
    gutter = 14 + max([7.4 * len(shorten(name, 22)) for name in names] + [40])
    room = WIDTH - gutter - 56
    most = max([shares.get(name, 0.0) for shares in series.values() for name in names] + [1e-9])
    parts = []
    for row, name in enumerate(names):
        y = 4 + row * 30
        shapes = [text(gutter - 8, y + 16, shorten(name, 22), "name", "end")]
        for index, shares in enumerate(series.values()):
            width = shares.get(name, 0.0) / most * room
            share = f"{100 * shares.get(name, 0.0):.1f}%"
            shapes += [
                bar(gutter, y + 12 * index, max(width, 1.0), 11, f"f{index}"),
                text(gutter + width + 5, y + 10 + 12 * index, share, "count"),
            ]
        tip = ", ".join(f"{dataset} {100 * shares.get(name, 0.0):.2f}%" for dataset, shares in series.items())
        parts.append(mark(f"{name}: {tip}", *shapes))
    return figure(parts, alt, 8 + 30 * len(names))


def plot_funnel(steps: Sequence[tuple[str, int, int]], *, alt: str) -> Markup:
    """Draw how many clips are left after each step.

    Args:
        steps: (what the step is, clips left after it, clips lost in it), in order.
        alt: What the figure shows, in words.

    Returns:
        An `<svg>` element, twice as wide as the others.
    """
    wide, gutter, tail = 2 * WIDTH, 190, 150
    most = max([left + lost for _, left, lost in steps] + [1])
    parts = []
    for row, (name, left, lost) in enumerate(steps):
        y = 4 + row * 24
        width, gone = (count / most * (wide - gutter - tail) for count in (left, lost))
        written = f"{left:,}" + (f"   −{lost:,}" if lost else "")
        parts.append(
            mark(
                f"{name}: {left:,} left, {lost:,} lost",
                text(gutter - 10, y + 14, shorten(name, 30), "name", "end"),
                bar(gutter, y, width, 18, "kept"),
                bar(gutter + width, y, gone, 18, "out"),
                text(gutter + width + gone + 8, y + 14, written, "count"),
            )
        )
    return figure(parts, alt, 8 + 24 * len(steps), width=wide)


def _used_bins(
    kept: Sequence[int], out: Sequence[int], edges: Sequence[float], thresholds: Iterable[float]
) -> tuple[int, int]:
    """Return the first and last bin worth showing: those with counts, and those of a threshold nearby."""
    used = [index for index, pair in enumerate(zip(kept, out, strict=True)) if sum(pair)]
    used = used or [0, len(kept) - 1]
    for threshold in thresholds:
        used += [index for index in range(len(kept)) if edges[index] <= threshold <= edges[index + 1]]
    return max(min(used) - 1, 0), min(max(used) + 1, len(kept) - 1)


def _densities(entry: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Return the edges in use and the share of clips per unit between them."""
    first, last = _used_bins(entry["counts"], [0] * len(entry["counts"]), entry["edges"], ())
    edges, total = entry["edges"], sum(entry["counts"])
    shares = [entry["counts"][i] / total / (edges[i + 1] - edges[i]) for i in range(first, last + 1)]
    return list(edges[first : last + 2]), shares


def _thresholds(frame: _Frame, thresholds: Mapping[str, float]) -> list[str]:
    parts = []
    for row, (rule, threshold) in enumerate(thresholds.items()):
        if frame.low <= threshold <= frame.high:
            x = frame.across(threshold)
            side, step = ("end", -5) if x > WIDTH / 2 else ("start", 5)
            parts += [
                line(x, _TOP - 8, x, HEIGHT - _BOTTOM, "threshold"),
                text(x + step, _TOP - 3 + 13 * row, f"{rule} {short(threshold)}", "threshold", side),
            ]
    return parts
