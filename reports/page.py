"""The statistics report: one HTML file that opens without a network."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from leitmotif.reports.excerpt import SECONDS
from leitmotif.reports.figure import Figure
from leitmotif.reports.funnel import step_place
from leitmotif.reports.gallery import Exhibit, hang
from leitmotif.reports.measured import draw_measured, draw_rules
from leitmotif.reports.provenance import draw_balance, draw_map, draw_provenance
from leitmotif.reports.source import Published, Unpublished, open_source
from leitmotif.reports.statistics import measure
from leitmotif.reports.tables import balance_table, leakage_table, rarity_table
from leitmotif.reports.tagged import draw_relations, draw_tags
from leitmotif.reports.terms import model_terms, research_only
from leitmotif.taxonomy.labels import LABELS_PATH, load

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
        NotPublishedError: The folder is neither.
    """
    source = open_source(folder, name=name)
    return compose_page(source, measure(source))


def compose_page(source: Published | Unpublished, stats: Mapping[str, Any]) -> str:
    """Return the report from numbers that were measured already; see `render_page`."""
    groups, terms = _groups(stats), model_terms(stats)
    exhibits = [_label(exhibit) for exhibit in hang(source)]
    rejected = source.rejected(("source_id", "rule", "value", "threshold", "detail", "clip_id"))
    quarantined = source.quarantined(("source_id", "stage", "error", "message"))
    sections = [("funnel", "Funnel"), *((anchor, title) for anchor, title, _, _ in groups)]
    sections += [("gallery", "Clips")] if exhibits else []
    sections += [("words", "Words")] if stats["vocabulary"]["top"] else []
    sections += [("left-out", "Left out")] if rejected.num_rows + quarantined.num_rows else []
    return fill(
        "report.html.j2",
        sections=[*sections, ("made", "How it was made")],
        stats=stats,
        workspace=stats["kind"] == "workspace",
        hours=sum(stats["hours"].values()),
        funnel=funnel_steps(stats),
        rules=list(draw_rules(stats)),
        groups=groups,
        balance=balance_table(stats),
        leaks=leakage_table(stats),
        rare=rarity_table(stats),
        exhibits=exhibits,
        seconds=f"{SECONDS:.0f}",
        rejected=[tuple(row.values()) for row in rejected.slice(0, HEAD_ROWS).to_pylist()],
        quarantined=[tuple(row.values()) for row in quarantined.slice(0, HEAD_ROWS).to_pylist()],
        models=[(term.stage, term.model, term.license, term.commercial, term.clips) for term in terms],
        research_only=research_only(terms),
        recipe=yaml.safe_dump(source.recipe, sort_keys=False, allow_unicode=True) if source.recipe else "",
        taxonomy_differs=source.taxonomy.fingerprint != load(LABELS_PATH).fingerprint,
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


def funnel_steps(stats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of the funnel as the page shows them, with the slider of each rule that has one.

    Steps at which nobody is lost stand hidden where another threshold could bring clips there.
    """
    live = stats["live"]
    sliders = {rule["name"]: rule for rule in live["rules"]} if live else {}
    steps = [dict(step) for step in stats["funnel"]]
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
    for step in steps:
        rule = sliders.get(step["step"]) if step["kind"] == "rule" else None
        step |= {
            "name": names.get(step["kind"], "{}").format(step["step"]),
            "hidden": step.get("hidden", False),
            "left_percent": round(100 * step["clips"] / most, 3),
            "lost_percent": round(100 * step["lost"] / most, 3),
            "rule": rule,
            "at": rule["stops"].index(rule["threshold"]) if rule else None,
        }
    return steps


def _groups(stats: Mapping[str, Any]) -> list[tuple[str, str, str, list[Figure]]]:
    """Return (anchor, title, note, figures) of every section that has figures."""
    of = "the kept clips"
    groups = [
        (
            "measured",
            "What was measured",
            f"Over {of}; beside them what a rule rejected for this very number.",
            draw_measured(stats),
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


def _label(exhibit: Exhibit) -> dict[str, Any]:
    """Return what the page shows of a clip."""
    row = exhibit.row
    tempo = row.get("tempo_bpm")
    facts = [
        f"{row['duration_s']:.1f} s" if row.get("duration_s") is not None else None,
        f"{tempo:.0f} BPM ({row.get('tempo_class')})" if tempo is not None else None,
        row.get("key"),
        f"vocals {row['vocal_score']:.2f}" if row.get("vocal_score") is not None else None,
        f"quality {row['pam_score']:.3f}" if row.get("pam_score") is not None else None,
    ]
    return {
        **{name: row.get(name) for name in ("artist", "clip_id", "split", "license", "caption")},
        "title": row.get("title") or "untitled",
        "group": exhibit.group,
        "sound": exhibit.sound,
        "thumbnails": exhibit.thumbnails,
        "facts": [fact for fact in facts if fact],
        "tags": [tag for kind in ("instruments", "genres", "moods") for tag in row.get(kind) or []],
    }


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
    """Write hours for reading: two digits after the point under ten, none from a hundred."""
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
