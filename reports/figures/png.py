"""Figures as PNG files, for pages that take no SVG: the data card."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import resvg_py
from PIL import Image

from leitmotif.reports.figures.figure import Figure
from leitmotif.reports.figures.plots import plot_funnel
from leitmotif.reports.figures.provenance import draw_provenance
from leitmotif.reports.figures.quality import draw_quality
from leitmotif.reports.figures.svg import standalone
from leitmotif.reports.figures.tags import draw_tags
from leitmotif.reports.statistics.model.stats import Stats

# What a card shows, in this order, where it has values.
SHOWN = (
    *("funnel", "pam-score", "duration-s", "caption-words", "mtld", "genres", "moods", "instruments"),
    *("tempo-bpm", "key", "languages", "artists"),
)
_SCALE = 2.0
# Slim machines have no fonts at all; signs that this one lacks come from those of the system.
FONT = Path(__file__).with_name("fonts") / "DejaVuSans.ttf"


def draw_card(stats: Stats) -> list[Figure]:
    """Return the figures of a data card."""
    # Rules that reject nothing would only lengthen it.
    steps = [
        (_step_name(step, stats["asked_only"]), step["clips"], step["lost"])
        for step in stats["funnel"]
        if step["lost"] or step["kind"] in ("catalogued", "kept")
    ]
    alt = "Clips left after each step: " + ", ".join(f"{name} {left:,}" for name, left, _ in steps) + "."
    funnel = Figure(
        name="funnel",
        title="From catalog to dataset",
        drawing=plot_funnel(steps, alt=alt),
        count=stats["counts"]["catalogued"],
        source="rejected.parquet, quarantine.parquet, data/*.parquet",
    )
    drawn = [funnel, *draw_quality(stats), *draw_tags(stats), *draw_provenance(stats)]
    by_name = {figure.name: figure for figure in drawn}
    return [by_name[name] for name in SHOWN if name in by_name]


def _step_name(step: Mapping[str, Any], only: Mapping[str, str]) -> str:
    asked = step["kind"] == "rule" and only.get(step["step"])
    return f"{step['step']} ({asked} only)" if asked else str(step["step"])


def encode_png(figure: Figure) -> bytes:
    """Return a figure as a PNG with its title, count and source, on white."""
    foot = f"n = {figure.count:,} {figure.of} · {figure.source}"
    whole = standalone(figure.drawing, title=figure.title, foot=foot)
    drawn = resvg_py.svg_to_bytes(svg_string=whole, zoom=_SCALE, font_files=[str(FONT)])
    out = io.BytesIO()
    # Few colours: a quarter of the size.
    Image.open(io.BytesIO(drawn)).convert("RGB").quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()
