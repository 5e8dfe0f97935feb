"""The numbers of a published dataset: counts, histograms, tags, words, models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from reports.kept import COLUMNS, TAG_KINDS, Kept
from reports.outcomes import count_quarantines, count_rejections, read_thresholds
from reports.published import Published, embedded_models, open_published
from reports.quantities import QUANTITIES, describe_histogram, empty_histogram
from reports.tally import most_first
from taxonomy.labels import Taxonomy

TOP_WORDS = 100


def statistics(dataset: Path, *, name: str | None = None) -> dict[str, Any]:
    """Measure a published dataset in one pass over the columns that are needed; media are not read.

    Args:
        dataset: The dataset's folder.
        name: What to call it; the folder's name by default.

    Returns:
        What stats.json holds: plain dictionaries, lists, numbers and texts.

    Raises:
        NotPublishedError: The folder is not a published dataset.
    """
    return measure(open_published(dataset, name=name))


def measure(published: Published) -> dict[str, Any]:
    """Measure an opened dataset; see `statistics`."""
    rejected = published.rejected(("rule", "value", "threshold"))
    quarantined = published.quarantined(("stage", "error"))
    thresholds = read_thresholds(published.recipe)
    kept = Kept({column: empty_histogram(published, column, rejected, thresholds) for column in QUANTITIES})
    hours: dict[str, float] = {}
    for split in published.shards:
        before = kept.histograms["duration_s"].total
        for table in published.stream(split, COLUMNS):
            kept.add(table)
        hours[split] = round((kept.histograms["duration_s"].total - before) / 3600, 4)
    rows = published.rows()
    total = sum(rows.values())
    models = {backend: most_first(counter) for backend, counter in sorted(kept.models.items())}
    return {
        "dataset": published.name,
        **{key: _text(published.recipe.get(key)) for key in ("recipe", "profile", "version")},
        "counts": {
            "catalogued": total + rejected.num_rows + quarantined.num_rows,
            "kept": total,
            "rejected": rejected.num_rows,
            "quarantined": quarantined.num_rows,
        },
        "rows": rows,
        "hours": hours,
        "rejected": count_rejections(rejected, thresholds),
        "quarantined": count_quarantines(quarantined),
        "histograms": _describe_histograms(kept, thresholds, rejected),
        **_describe_tags(kept, published.taxonomy),
        **_describe_texts(kept),
        "models": models,
        "embedded_models": embedded_models(models, published.recipe),
    }


def _describe_histograms(
    kept: Kept, thresholds: Mapping[str, float], rejected: pa.Table
) -> dict[str, dict[str, Any]]:
    found = {
        column: describe_histogram(kept.histograms[column], unit, rules, thresholds, rejected)
        for column, (unit, rules) in QUANTITIES.items()
    }
    return found | {"caption_words": describe_histogram(kept.words, "words", (), thresholds, rejected)}


def _describe_tags(kept: Kept, taxonomy: Taxonomy) -> dict[str, Any]:
    families = {label.id: label.family for label in taxonomy.instruments}
    by_family: Counter[str] = Counter({family.id: 0 for family in taxonomy.families})
    for tag, count in kept.tags["instruments"].items():
        by_family[families.get(tag) or "unknown"] += count
    known = {"instruments": taxonomy.instruments, "genres": taxonomy.genres, "moods": taxonomy.moods}
    return {
        "tags": {kind: most_first(counter) for kind, counter in kept.tags.items()},
        "untagged": {kind: kept.untagged[kind] for kind in TAG_KINDS},
        "unused_tags": {
            kind: [label.id for label in labels if label.id not in kept.tags[kind]]
            for kind, labels in known.items()
        },
        "families": most_first(by_family),
    }


def _describe_texts(kept: Kept) -> dict[str, Any]:
    return {
        "sizes": most_first(kept.sizes),
        "tempo_classes": most_first(kept.plain["tempo_class"]),
        "keys": most_first(kept.plain["key"]),
        "licenses": most_first(kept.plain["license"]),
        "caption_backends": most_first(kept.plain["caption_backend"]),
        "caption_prompts": most_first(kept.plain["caption_prompt"]),
        "vocabulary": {
            "words": sum(kept.vocabulary.values()),
            "distinct": len(kept.vocabulary),
            "top": most_first(kept.vocabulary, TOP_WORDS),
        },
        "retrieved": [moment.date().isoformat() for moment in kept.retrieved],
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
