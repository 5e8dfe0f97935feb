"""Figures of two dimensions as inline SVG: heat maps, spreads of scores, a map of points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from leitmotif.phrases import count as things
from leitmotif.reports.figures.svg import (
    VIRIDIS,
    WIDTH,
    axis_ticks,
    bar,
    figure,
    line,
    mark,
    short,
    shorten,
    text,
)

_SHADES = len(VIRIDIS)
_SHAPES = ("circle", "square", "diamond", "up", "cross", "down", "plus", "circle")


def plot_heatmap(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    alt: str,
    unit: str = "clips",
    width: float = WIDTH,
) -> Markup:
    """Draw a table of numbers as colours, from dark (least) to bright (most); 0 stays empty.

    Args:
        rows: Names from top to bottom.
        columns: Names from left to right.
        values: Numbers row by row, one for each column, at least 0.
        alt: What the figure shows, in words.
        unit: What the numbers count.
        width: Width of the drawing, in its own units.
    """
    gutter = 10 + 6.4 * max([len(shorten(name, 18)) for name in rows] + [4])
    head = 12 + 4.6 * max([len(shorten(name, 18)) for name in columns] + [4])
    side = min((width - gutter - 40) / max(len(columns), 1), 70.0)
    tall = min(side, 20.0)
    most = max([value for row in values for value in row] + [1e-12])
    parts = []
    for at, name in enumerate(columns):
        x = gutter + (at + 0.62) * side
        written = text(0, 0, shorten(name, 18), "tick")
        parts.append(f'<g transform="translate({x:.1f} {head - 5:.1f}) rotate(-50)">{written}</g>')
    for down, name in enumerate(rows):
        y = head + down * tall
        parts.append(text(gutter - 6, y + tall / 2 + 4, shorten(name, 18), "tick", "end"))
        for at, value in enumerate(values[down]):
            if value > 0:
                shade = min(int(value / most * _SHADES), _SHADES - 1)
                cell = bar(gutter + at * side, y, side - 1, tall - 1, f"v{shade}")
                parts.append(mark(f"{name} × {columns[at]}: {short(value)} {unit}", cell))
    bottom = head + tall * len(rows)
    return figure([*parts, *_ramp(most, unit, bottom + 10)], alt, bottom + 26, width=width)


def plot_density(
    x_edges: Sequence[float],
    y_edges: Sequence[float],
    counts: Sequence[Sequence[int]],
    *,
    labels: tuple[str, str],
    alt: str,
) -> Markup:
    """Draw how many clips fall into each cell of two quantities.

    Args:
        x_edges: Edges of the columns.
        y_edges: Edges of the rows, rising.
        counts: Clips row by row, one number for each column; rows in the order of `y_edges`.
        labels: What the two axes say, with units.
        alt: What the figure shows, in words.
    """
    left, top, wide, tall = 48, 20, WIDTH - 62, 170
    most = max([count for row in counts for count in row] + [1])
    width, height = wide / (len(x_edges) - 1), tall / (len(y_edges) - 1)
    parts = []
    for down, row in enumerate(counts):
        for at, count in enumerate(row):
            if count:
                # Counts span orders of magnitude; the logarithm shows the rare cells as well.
                shade = min(int(math.log1p(count) / math.log1p(most) * _SHADES), _SHADES - 1)
                cell = bar(
                    left + at * width,
                    top + tall - (down + 1) * height,
                    width - 0.5,
                    height - 0.5,
                    f"v{shade}",
                )
                x_span = f"{short(x_edges[at])} to {short(x_edges[at + 1])}"
                y_span = f"{short(y_edges[down])} to {short(y_edges[down + 1])}"
                parts.append(
                    mark(f"{labels[0]} {x_span}, {labels[1]} {y_span}: {things(count, 'clip')}", cell)
                )
    parts += [
        line(left, top + tall, left + wide, top + tall, "rule"),
        line(left, top, left, top + tall, "rule"),
    ]
    for value in axis_ticks(x_edges[0], x_edges[-1]):
        x = left + (value - x_edges[0]) / (x_edges[-1] - x_edges[0]) * wide
        parts.append(text(x, top + tall + 15, short(value), "tick", "middle"))
    for value in axis_ticks(y_edges[0], y_edges[-1], count=4):
        y = top + tall - (value - y_edges[0]) / (y_edges[-1] - y_edges[0]) * tall
        parts.append(text(left - 6, y + 4, short(value), "tick", "end"))
    parts += [
        text(left + wide / 2, top + tall + 32, labels[0], "axis", "middle"),
        text(4, 11, labels[1], "axis"),
        *_ramp(most, "clips, logarithmic", top + tall + 44),
    ]
    return figure(parts, alt, top + tall + 60)


def plot_spreads(
    spreads: Mapping[str, Sequence[float]], *, label: str, alt: str, counts: Mapping[str, int]
) -> Markup:
    """Draw the spread of a number for each name: 5 to 95 % as a line, 25 to 75 % as a bar, the median in it.

    Args:
        spreads: Name → the 5, 25, 50, 75 and 95 % quantiles.
        label: What the axis says, with the unit.
        alt: What the figure shows, in words.
        counts: Name → how many values.
    """
    gutter = 14 + 7.2 * max([len(shorten(name, 20)) for name in spreads] + [4])
    low = min([values[0] for values in spreads.values()])
    high = max([values[4] for values in spreads.values()])
    pad = 0.04 * (high - low) or max(abs(high) * 0.05, 0.5)
    low, high = low - pad, high + pad

    def across(value: float) -> float:
        return gutter + (value - low) / (high - low) * (WIDTH - gutter - 12)

    bottom = 8 + 20 * len(spreads)
    parts = []
    for value in axis_ticks(low, high, count=4):
        parts += [
            line(across(value), 4, across(value), bottom, "rule"),
            text(across(value), bottom + 15, short(value), "tick", "middle"),
        ]
    for row, (name, values) in enumerate(spreads.items()):
        y = 8 + 20 * row
        tip = f"{name} (n={counts[name]:,}): median {short(values[2])}, half of them {short(values[1])} to "
        tip += f"{short(values[3])}, 90% {short(values[0])} to {short(values[4])}"
        parts.append(
            mark(
                tip,
                text(gutter - 8, y + 11, shorten(name, 20), "name", "end"),
                line(across(values[0]), y + 7, across(values[4]), y + 7, "whisker"),
                bar(across(values[1]), y, max(across(values[3]) - across(values[1]), 2), 14, "kept"),
                line(across(values[2]), y, across(values[2]), y + 14, "median"),
            )
        )
    middle = (gutter + WIDTH - 12) / 2
    parts.append(text(middle, bottom + 32, label, "axis", "middle"))
    return figure(parts, alt, bottom + 38)


def plot_map(points: Sequence[tuple[float, float, int, str]], *, labels: tuple[str, str], alt: str) -> Markup:
    """Draw points on a plane whose axes have no unit, with a shape and a colour by group.

    Args:
        points: (x, y, group, what the point is); groups count from 0, 7 and above are "other".
        labels: What the two axes say.
        alt: What the figure shows, in words.

    Returns:
        An `<svg>` element, twice as wide as the others.
    """
    wide, tall, pad = 2 * WIDTH, 430, 24
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    x0, y0 = min(xs), min(ys)
    x_span, y_span = (max(xs) - x0) or 1.0, (max(ys) - y0) or 1.0
    size = 5.0 if len(points) < 300 else 3.4 if len(points) < 1500 else 2.4
    parts = [text(wide / 2, tall - 4, labels[0], "axis", "middle"), text(4, 11, labels[1], "axis")]
    for x, y, group, tip in points:
        kind = min(group, 7)
        at = pad + (x - x0) / x_span * (wide - 2 * pad), tall - pad - (y - y0) / y_span * (tall - 2 * pad)
        parts.append(mark(tip, _shape(*at, size, kind)))
    return figure(parts, alt, tall, width=wide)


def shape_key(group: int) -> Markup:
    """Return the mark of a group, for a legend."""
    return Markup(f'<svg class="sign" viewBox="0 0 14 14" aria-hidden="true">{_shape(7, 7, 5, group)}</svg>')


def _shape(x: float, y: float, r: float, group: int) -> str:
    kind = f'class="dot c{group}"'
    if _SHAPES[group] == "circle":
        return f'<circle {kind} cx="{x:.1f}" cy="{y:.1f}" r="{r if group < 7 else 0.7 * r:.1f}"/>'
    steps = {
        "square": "M-.9-.9h1.8v1.8h-1.8z",
        "diamond": "M0-1.25 1.25 0 0 1.25-1.25 0z",
        "up": "M0-1.15 1.15.85h-2.3z",
        "down": "M0 1.15-1.15-.85h2.3z",
        "cross": "M-1.1-.7-.7-1.1 0-.4.7-1.1 1.1-.7.4 0 1.1.7.7 1.1 0 .4-.7 1.1-1.1.7-.4 0z",
        "plus": "M-.35-1.2h.7v.85h.85v.7h-.85v.85h-.7v-.85h-.85v-.7h.85z",
    }[_SHAPES[group]]
    return f'<path {kind} transform="translate({x:.1f} {y:.1f}) scale({r:.1f})" d="{steps}"/>'


def _ramp(most: float, unit: str, y: float) -> list[str]:
    """Draw which colour stands for how much."""
    step = 14
    cells = [bar(60 + index * step, y, step, 10, f"v{index}") for index in range(_SHADES)]
    ends = [
        text(54, y + 9, "few", "tick", "end"),
        text(66 + _SHADES * step, y + 9, f"{short(most)} {unit}", "tick"),
    ]
    return cells + ends
