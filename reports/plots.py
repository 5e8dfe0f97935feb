"""Plots as inline SVG: no scripts, no files, and every text in them escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 460, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 26, 40
_ROW = 22


def plot_histogram(entry: Mapping[str, Any], *, label: str) -> Markup:
    """Draw a histogram: kept in one colour, rejected stacked on top, thresholds as marked lines.

    Args:
        entry: One of the `histograms` of stats.json.
        label: What the axis says.

    Returns:
        An `<svg>` element.
    """
    edges, kept = entry["edges"], entry["counts"]
    out = entry.get("rejected_counts") or [0] * len(kept)
    first, last = _used_bins(kept, out, edges, entry["thresholds"].values())
    low, high = edges[first], edges[last + 1]
    tallest = max([k + o for k, o in zip(kept, out, strict=True)] + [1])
    ticks = whole_ticks(tallest)
    top = max(tallest, ticks[-1])
    wide, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def across(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * wide

    def up(count: float) -> float:
        return _TOP + tall - count / top * tall

    parts = [_grid(up(tick), _short(tick)) for tick in ticks]
    for index in range(first, last + 1):
        x, width = across(edges[index]), max(across(edges[index + 1]) - across(edges[index]) - 1, 0.8)
        tip = f"{_short(edges[index])} to {_short(edges[index + 1])}: {kept[index]} kept"
        tip += f", {out[index]} rejected" if out[index] else ""
        bars = _bar(x, up(kept[index]), width, up(0) - up(kept[index]), "kept")
        bars += _bar(
            x, up(kept[index] + out[index]), width, up(kept[index]) - up(kept[index] + out[index]), "out"
        )
        parts.append(f"<g><title>{escape(tip)}</title>{bars}</g>")
    parts += [_tick_below(across(value), _short(value)) for value in axis_ticks(low, high)]
    for row, (rule, threshold) in enumerate(entry["thresholds"].items()):
        if low <= threshold <= high:
            parts.append(_threshold(across(threshold), f"{rule} {_short(threshold)}", row))
    parts.append(_axis_label(label))
    return _svg(parts, label, HEIGHT)


def plot_bars(
    counts: Mapping[str, int], *, label: str, kind: str = "kept", total: int | None = None
) -> Markup:
    """Draw horizontal bars, one for each name, with the count (and share of `total`) behind it.

    Args:
        counts: Name → count, in the order in which they are drawn.
        label: What is counted, for those who cannot see it.
        kind: Class that colours the bars.
        total: What 100% is; without it no share is written.

    Returns:
        An `<svg>` element, empty of bars when there is nothing to count.
    """
    names = [name if len(name) <= 24 else name[:23] + "…" for name in counts]
    gutter = 14 + max([7.3 * len(name) for name in names] + [40])
    room = WIDTH - gutter - 84
    most = max([*counts.values(), 1])
    parts = []
    for row, (name, (full, count)) in enumerate(zip(names, counts.items(), strict=True)):
        y = 4 + row * _ROW
        width = count / most * room
        share = f" · {100 * count / total:.0f}%" if total else ""
        parts.append(
            f"<g><title>{escape(full)}: {count}</title>"
            f'<text class="name" x="{gutter - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f"{_bar(gutter, y, max(width, 1.0 if count else 0.0), _ROW - 6, kind)}"
            f'<text class="count" x="{gutter + width + 6:.1f}" y="{y + 13}">{count:,}{share}</text></g>'
        )
    return _svg(parts, label, max(_ROW, 6 + _ROW * len(names)))


def plot_funnel(steps: Sequence[tuple[str, int, int]], *, label: str) -> Markup:
    """Draw how many clips are left after each step.

    Args:
        steps: (what the step is, clips left after it, clips lost in it), in order.
        label: What the plot shows, for those who cannot see it.

    Returns:
        An `<svg>` element, twice as wide as the others.
    """
    wide, gutter, tail = 2 * WIDTH, 210, 200
    most = max([left + lost for _, left, lost in steps] + [1])
    parts = []
    for row, (name, left, lost) in enumerate(steps):
        y = 4 + row * 26
        width = left / most * (wide - gutter - tail)
        gone = lost / most * (wide - gutter - tail)
        text = f"{left:,}" + (f"   −{lost:,}" if lost else "")
        parts.append(
            f"<g><title>{escape(name)}: {left} left, {lost} lost</title>"
            f'<text class="name" x="{gutter - 10}" y="{y + 15}" text-anchor="end">{escape(name[:32])}</text>'
            f"{_bar(gutter, y, width, 20, 'kept')}{_bar(gutter + width, y, gone, 20, 'out')}"
            f'<text class="count" x="{gutter + width + gone + 8:.1f}" y="{y + 15}">{text}</text></g>'
        )
    return _svg(parts, label, 8 + 26 * len(steps), width=wide)


def axis_ticks(low: float, high: float, *, count: int = 6) -> list[float]:
    """Return about `count` round values between two ends."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * index, 10) for index in range(first, last + 1)]


def whole_ticks(most: int) -> list[float]:
    """Return a few round counts from 0 to at least `most`."""
    step = max(1.0, math.ceil(most / 4))
    if step > 1:
        power = 10.0 ** math.floor(math.log10(step))
        step = next(power * factor for factor in (1, 2, 3, 5, 10) if power * factor >= step)
    return [step * index for index in range(math.ceil(most / step) + 1)]


def _used_bins(
    kept: Sequence[int], out: Sequence[int], edges: Sequence[float], thresholds: Any
) -> tuple[int, int]:
    """Return the first and last bin worth showing: those with counts, and those of a threshold nearby."""
    used = [index for index, pair in enumerate(zip(kept, out, strict=True)) if sum(pair)] or [
        0,
        len(kept) - 1,
    ]
    for threshold in thresholds:
        used += [index for index in range(len(kept)) if edges[index] <= threshold <= edges[index + 1]]
    return max(min(used) - 1, 0), min(max(used) + 1, len(kept) - 1)


def _svg(parts: Sequence[str], label: str, height: float, *, width: int = WIDTH) -> Markup:
    # Every text in the parts went through escape.
    box = f'viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{escape(label)}"'
    return Markup(f"<svg {box}>{''.join(parts)}</svg>")


def _bar(x: float, y: float, width: float, height: float, kind: str) -> str:
    if height <= 0 or width <= 0:
        return ""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"/>'
    )


def _grid(y: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _tick_below(x: float, text: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{text}</text>'


def _axis_label(label: str) -> str:
    middle = _LEFT + (WIDTH - _LEFT - _RIGHT) / 2
    return f'<text class="axis" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>'


def _threshold(x: float, text: str, row: int) -> str:
    side = "end" if x > WIDTH / 2 else "start"
    return (
        f'<line class="threshold" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 12}" y2="{HEIGHT - _BOTTOM}"/>'
        f'<text class="threshold" x="{x + (-5 if side == "end" else 5):.1f}" y="{_TOP - 12 + 13 * row}" '
        f'text-anchor="{side}">{escape(text)}</text>'
    )


def _short(value: float) -> str:
    """Write a number as an axis does: no trailing zeros, thousands as k."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.4g}"
