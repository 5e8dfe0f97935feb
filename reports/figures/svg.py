"""Pieces of an SVG figure: axes, marks that say what they are, colours that everybody can tell apart.

Colours are classes, so that a page can change them with its theme; `standalone` writes them into the file.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from leitmotif.shards.texts import encodable

WIDTH = 360
# Room for a line above and below a figure that stands alone.
_STRIP = 28
# Okabe and Ito's palette without black, https://jfly.uni-koeln.de/color/; the blue of most figures first.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a900")
# Viridis at even steps, from few to many.
VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
_STYLE = (
    "text{fill:#1d2327;font:12px 'DejaVu Sans','Liberation Sans',Arial,sans-serif}"
    ".tick,.count,.axis{fill:#59636b;font-size:11px}.title{font-size:14px;font-weight:600}"
    ".foot{fill:#59636b;font-size:10px}"
    ".rule{stroke:#dfe1dd}.kept{fill:#0072b2}.out{fill:#e69f00}.other{fill:#d55e00}.tag{fill:#009e73}"
    ".threshold{stroke:#b3261e;stroke-width:1.5;stroke-dasharray:5 3}"
    "text.threshold{fill:#b3261e;stroke:none;font-weight:600}"
    ".line{fill:none;stroke:#1d2327;stroke-width:1.6}.whisker{stroke:#59636b}.median{stroke:#fff;stroke-width:2}"
    + "".join(f".c{index}{{fill:{colour}}}" for index, colour in enumerate(PALETTE))
    + "".join(f".v{index}{{fill:{colour}}}" for index, colour in enumerate(VIRIDIS))
    + ".c7{fill:#8a9499}"
)


def escape(content: str) -> str:
    """Return a text as SVG writes it; file names and old catalogs may hold what XML forbids."""
    return html.escape(encodable(content))


def figure(parts: Iterable[str], label: str, height: float, *, width: float = WIDTH) -> Markup:
    """Return an `<svg>` element from parts in which every text is escaped already.

    Args:
        parts: SVG elements.
        label: What the figure shows, for those who cannot see it.
        height: Height of the drawing, in its own units.
        width: Width of the drawing, in the same units.
    """
    box = f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}"'
    return Markup(f"<svg {box}>{''.join(parts)}</svg>")


def standalone(drawing: str, *, title: str, foot: str) -> str:
    """Return a figure as a file of its own, on white, with its colours, a title above and a line below it."""
    wide, tall = map(int, drawing.partition('viewBox="0 0 ')[2].partition('"')[0].split())
    whole = tall + 2 * _STRIP
    letters = wide // 6
    size = f'width="{wide}" height="{whole}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {wide} {whole}">'
        f'<style>{_STYLE}</style><rect {size} fill="#fff"/>'
        f"{text(8, 19, shorten(title, letters * 4 // 5), 'title')}"
        f"{text(8, whole - 10, shorten(foot, letters), 'foot')}"
        f'<svg y="{_STRIP}" width="{wide}" height="{tall}" {drawing.removeprefix("<svg ")}</svg>\n'
    )


def mark(tip: str, *shapes: str) -> str:
    """Return shapes that belong together, with what they stand for."""
    return f'<g data-tip="{escape(tip)}">{"".join(shapes)}</g>'


def bar(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a rectangle of a class; nothing where it has no area."""
    if height <= 0 or width <= 0:
        return ""
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def text(x: float, y: float, content: str, kind: str, anchor: str = "start") -> str:
    """Return a line of text; `anchor` is start, middle or end."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """Return a line through points."""
    steps = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<path class="{kind}" d="M{steps}"/>' if points else ""


def shorten(name: str, length: int) -> str:
    """Return a name cut to a count of letters."""
    return name if len(name) <= length else name[: length - 1] + "…"


def short(value: float) -> str:
    """Write a number as an axis does: no trailing zeros, thousands as k."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.4g}"


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
