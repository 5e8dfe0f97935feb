"""The statistics report of a published dataset: one HTML file that opens without a network."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from reports.plots import plot_bars, plot_funnel, plot_histogram
from reports.published import Published, open_published
from reports.statistics import measure
from taxonomy.labels import LABELS_PATH, load

TEMPLATES = Path(__file__).with_name("templates")
EXAMPLES = 6
FRAMES_PER_EXAMPLE = 5
THUMBNAIL = (176, 132)
HEAD_ROWS = 50
MOST_BARS = 24

_AXES = {
    "duration_s": "duration, seconds",
    "motion": "motion: mean change between consecutive frames, grey levels",
    "tempo_bpm": "tempo, beats per minute",
    "vocal_score": "vocal score (0 instrumental, 1 voice)",
    "pam_score": "audio quality (PAM score, 0..1)",
    "caption_words": "words in a caption",
}


def render_page(dataset: Path, *, name: str | None = None) -> str:
    """Return the report of a published dataset.

    Args:
        dataset: The dataset's folder.
        name: What to call it; the folder's name by default.

    Returns:
        HTML with its style and plots inside; it loads nothing.

    Raises:
        NotPublishedError: The folder is not a published dataset.
    """
    published = open_published(dataset, name=name)
    return compose_page(published, measure(published))


def compose_page(published: Published, stats: Mapping[str, Any]) -> str:
    """Return the report from numbers that were measured already; see `render_page`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment.get_template("report.html.j2").render(
        stats=stats,
        hours=sum(stats["hours"].values()),
        funnel=plot_funnel(funnel_steps(stats), label="Clips left after each step"),
        histograms=_histograms(stats),
        bars=_bars(stats),
        rejected=published.rejected(head=HEAD_ROWS).to_pylist(),
        quarantined=published.quarantined(head=HEAD_ROWS).to_pylist(),
        examples=[_example(row) for row in published.examples(EXAMPLES)],
        recipe=yaml.safe_dump(published.recipe, sort_keys=False, allow_unicode=True)
        if published.recipe
        else "",
        taxonomy_differs=published.taxonomy.fingerprint != load(LABELS_PATH).fingerprint,
    )


def funnel_steps(stats: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Return (step, clips left, clips lost) from the catalog to the kept, rule by rule."""
    left = stats["counts"]["catalogued"]
    steps = [("catalogued", left, 0)]
    if lost := stats["counts"]["quarantined"]:
        left -= lost
        steps.append(("not quarantined", left, lost))
    for rule, entry in stats["rejected"].items():
        if entry["count"]:
            left -= entry["count"]
            steps.append((f"passes {rule}", left, entry["count"]))
    return [*steps, ("kept", left, 0)]


def _histograms(stats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the plots of what was measured at all, with a line of numbers under each."""
    found = []
    for name, entry in stats["histograms"].items():
        if not entry["count"] and not sum(entry["rejected_counts"]):
            continue
        shown = {"name": name, "plot": plot_histogram(entry, label=_AXES[name]), **entry}
        low, high = entry["edges"][0], entry["edges"][-1]
        shown["outside"] = {rule: at for rule, at in entry["thresholds"].items() if not low <= at <= high}
        found.append(shown)
    return found


def _bars(stats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the bar plots: tags by kind, families, and the other counted texts."""
    kept = stats["counts"]["kept"]
    groups = [
        ("Instruments", stats["tags"]["instruments"], "tag"),
        ("Genres", stats["tags"]["genres"], "tag"),
        ("Moods", stats["tags"]["moods"], "tag"),
        ("Instrument families (tags)", stats["families"], "tag"),
        ("Tempo class", stats["tempo_classes"], "kept"),
        ("Key", stats["keys"], "kept"),
        ("Frame size", stats["sizes"], "kept"),
        ("License", stats["licenses"], "kept"),
    ]
    found = []
    for title, counts, kind in groups:
        if not any(counts.values()):
            continue
        shown = dict(list(counts.items())[:MOST_BARS])
        total = None if title.startswith("Instrument families") else kept
        section = title.lower()
        found.append(
            {
                "title": title,
                "plot": plot_bars(shown, label=title, kind=kind, total=total),
                "more": len(counts) - len(shown),
                "untagged": stats["untagged"].get(section, 0),
                "unused": stats["unused_tags"].get(section, []),
            }
        )
    return found


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a row: thumbnails, caption, tags, facts."""
    frames = [frame["bytes"] for frame in row.get("frames") or [] if frame and frame.get("bytes")]
    step = max(1, len(frames) // FRAMES_PER_EXAMPLE)
    thumbnails = [uri for frame in frames[::step][:FRAMES_PER_EXAMPLE] if (uri := _thumbnail(frame))]
    tempo, key = row.get("tempo_bpm"), row.get("key")
    facts = [
        f"{row['duration_s']:.1f} s" if row.get("duration_s") is not None else None,
        f"{tempo:.0f} BPM ({row.get('tempo_class')})" if tempo is not None else None,
        key,
        f"motion {row['motion']:.2f}" if row.get("motion") is not None else None,
        f"vocals {row['vocal_score']:.2f}" if row.get("vocal_score") is not None else None,
        f"quality {row['pam_score']:.2f}" if row.get("pam_score") is not None else None,
    ]
    return {
        "title": row.get("title") or "untitled",
        "artist": row.get("artist"),
        "clip_id": row.get("clip_id"),
        "split": row["split"],
        "license": row.get("license"),
        "caption": row.get("caption"),
        "thumbnails": thumbnails,
        "facts": [fact for fact in facts if fact],
        "tags": [tag for kind in ("instruments", "genres", "moods") for tag in row.get(kind) or []],
    }


def _thumbnail(picture: bytes) -> str | None:
    """Return a small JPEG as a data URI; None where the bytes are no picture."""
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            small = opened.convert("RGB")
            small.thumbnail(THUMBNAIL)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    out = io.BytesIO()
    small.save(out, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _number(value: Any) -> str:
    """Write a number for reading: thousands separated, at most four digits after the point."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return json.dumps(value)
