"""The statistics report: one HTML file that opens without a network."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from leitmotif.filters.sentence import limit_text
from leitmotif.phrases import count as things
from leitmotif.pipelines.ledger import Ledger
from leitmotif.reports.figures.figure import Figure
from leitmotif.reports.figures.provenance import draw_balance, draw_map, draw_provenance
from leitmotif.reports.figures.quality import draw_quality, draw_rules
from leitmotif.reports.figures.tags import draw_relations, draw_tags
from leitmotif.reports.gallery import build_gallery
from leitmotif.reports.gallery_item import GalleryItem, label
from leitmotif.reports.left_out import PER_REASON, choose_left_out, left_out_rows
from leitmotif.reports.left_out_previews import show_left_out
from leitmotif.reports.licences import model_licences, research_only
from leitmotif.reports.source import Dataset, Unpublished, open_source
from leitmotif.reports.statistics.funnel import step_place
from leitmotif.reports.statistics.measure import measure
from leitmotif.reports.statistics.model.stats import Stats
from leitmotif.reports.tables import balance_table, leakage_table, rarity_table
from leitmotif.storage.documents import yaml_text
from leitmotif.taxonomy.labels import load

TEMPLATES = Path(__file__).with_name("templates")
HEAD_ROWS = 50


def render_page(folder: Path, *, name: str | None = None) -> str:
    """Return the report of a published dataset or of a workspace.

    Args:
        folder: The dataset's or the workspace's folder.
        name: What to call it; the folder's name by default.

    Returns:
        HTML with style, script, figures and sounds inside; it loads nothing.

    Raises:
        DatasetError: The folder is neither.
    """
    source = open_source(folder, name=name)
    return compose_page(source, measure(source))


def compose_page(source: Dataset | Unpublished, stats: Stats, *, ledger: Ledger | None = None) -> str:
    """Return the report from numbers that were measured already; see `render_page`.

    Args:
        source: The dataset or the workspace.
        stats: Statistics of the source.
        ledger: Ledger of the workspace that a dataset comes from: with it, clips that were left out can be
            seen and heard as well; a dataset alone holds the kept ones only.
    """
    groups, terms = _groups(stats), model_licences(stats)
    rejected, quarantined = source.side_table("rejected"), source.side_table("quarantine")
    ledger = source.ledger if isinstance(source, Unpublished) else ledger
    show = functools.partial(show_left_out, ledger) if ledger else None
    exhibits = [*build_gallery(source), *choose_left_out(rejected, quarantined, show)]
    sections = [("funnel", "Funnel")]
    sections += [("gallery", "Clips")] if exhibits else []
    sections += [("left-out", "Left out")] if rejected.num_rows + quarantined.num_rows else []
    sections += [(anchor, title) for anchor, title, _, _ in groups]
    sections += [("words", "Words")] if stats["vocabulary"]["top"] else []
    return fill(
        "report.html.j2",
        sections=[*sections, ("made", "How it was made")],
        stats=stats,
        workspace=stats["kind"] == "workspace",
        hours=stats["funnel"][-1]["hours"],  # those of the splits are rounded each
        funnel=funnel_steps(stats),
        rules=list(draw_rules(stats)),
        groups=groups,
        balance=balance_table(stats),
        leaks=leakage_table(stats),
        rare=rarity_table(stats),
        exhibits=[label(exhibit) for exhibit in exhibits],
        shown=_shown(exhibits),
        per_reason=PER_REASON,
        with_media=ledger is not None,
        rejected=left_out_rows(rejected, "rule", HEAD_ROWS),
        quarantined=left_out_rows(quarantined, "stage", HEAD_ROWS),
        models=[(term.stage, term.model, term.license, term.commercial, term.clips) for term in terms],
        research_only=research_only(terms),
        recipe=yaml_text(source.recipe) if source.recipe else "",
        taxonomy_differs=source.taxonomy.fingerprint != load().fingerprint,
    )


def fill(template: str, **values: Any) -> str:
    """Return a page from a template that extends page.html.j2, with style and script inside."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
            **values,
        )
    )


def funnel_steps(stats: Stats) -> list[dict[str, Any]]:
    """Return the steps of the funnel as the page shows them, with the slider of each rule that has one.

    Steps at which nobody is lost stand hidden where another threshold could bring clips there.
    """
    live = stats["live"]
    sliders = {rule["name"]: rule for rule in live["rules"]} if live else {}
    steps: list[dict[str, Any]] = [dict(step) for step in stats["funnel"]]
    if live:
        there = {(step["kind"], step["step"]) for step in steps}
        steps[-1:-1] = [
            {**steps[-1], "kind": kind, "step": stage, "lost": 0, "lost_hours": 0.0, "hidden": True}
            for kind in ("quarantined", "pending")
            for stage in live["stages"]
            if (kind, stage) not in there
        ]
        stage_of = {rule["name"]: rule["stage"] for rule in live["rules"]}
        inner = steps[1:-1]
        inner.sort(key=lambda step: step_place(step["kind"], step["step"], live["stages"], stage_of))
        steps[1:-1] = inner
    most = max(stats["counts"]["catalogued"], 1)
    names = {"quarantined": "failed in {}", "pending": "not measured yet by {}"}
    whys = {name: rule["why"] for name, rule in stats["rules"].items()}
    for step in steps:
        rule = sliders.get(step["step"]) if step["kind"] == "rule" else None
        step |= {
            "name": names.get(step["kind"], "{}").format(step["step"]),
            "only": stats["asked_only"].get(step["step"]) if step["kind"] == "rule" else None,
            "hidden": step.get("hidden", False),
            "left_percent": round(100 * step["clips"] / most, 3),
            "lost_percent": round(100 * step["lost"] / most, 3),
            "rule": rule,
            "limit": limit_text(rule["keep"], rule["threshold"], rule["unit"]) if rule else "",
            "why": whys.get(step["step"], "") if step["kind"] == "rule" else "",
            "at": rule["stops"].index(rule["threshold"]) if rule else None,
        }
    return steps


def _shown(exhibits: Sequence[GalleryItem]) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """Return the buttons that choose among the clips: for each fate (token, text, clips), the whole first."""
    shown: list[tuple[str, list[tuple[str, str, int]]]] = []
    for fate in dict.fromkeys(exhibit.fate for exhibit in exhibits):
        groups = Counter(exhibit.group for exhibit in exhibits if exhibit.fate == fate)
        buttons: list[tuple[str, str, int]] = [(fate, fate.capitalize(), groups.total())]
        buttons += [(f"{fate}-{group}", group, count) for group, count in groups.items()]
        shown.append((fate, buttons))
    return shown


def _groups(stats: Stats) -> list[tuple[str, str, str, list[Figure]]]:
    """Return (anchor, title, note, figures) of every section that has figures."""
    of = "the kept clips"
    groups = [
        (
            "measured",
            "What was measured",
            f"Over {of}; beside them what a rule rejected for this very number.",
            draw_quality(stats),
        ),
        ("tags", "Tags", "", draw_tags(stats)),
        ("relations", "What goes together", "", draw_relations(stats)),
        ("provenance", "Where it comes from", "", draw_provenance(stats)),
        ("splits", "Splits", "", draw_balance(stats)),
        (
            "map",
            "Map",
            "Clips that lie close to each other sound alike to the audio encoder.",
            draw_map(stats),
        ),
    ]
    found = [(anchor, title, note, list(figures)) for anchor, title, note, figures in groups]
    return [group for group in found if group[3] or (group[0] == "splits" and len(stats["rows"]) > 1)]


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    environment.filters["hours"] = format_hours
    environment.filters["things"] = things
    return environment


def format_number(value: Any) -> str:
    """Write a number for reading: thousands separated, at most four digits after the point."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return json.dumps(value)


def format_hours(value: float) -> str:
    """Write a length given in hours for reading: seconds, minutes or hours, with about three digits."""
    number, unit = next(
        (value * factor, unit)
        for factor, unit, least in ((1, "h", 1.0), (60, "min", 1 / 60), (3600, "s", -math.inf))
        if value >= least
    )
    return f"{number:,.{0 if unit == 's' or number >= 100 else 1 if number >= 10 else 2}f} {unit}"
