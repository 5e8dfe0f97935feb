"""The numbers of a dataset or a workspace: what stats.json holds (`leitmotif.reports.statistics.model`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters import rule as filters_rule
from leitmotif.pipelines.measured import CATALOG
from leitmotif.reports.source import Source, open_source
from leitmotif.reports.statistics import (
    captions,
    column_counts,
    duplicates,
    embedding_map,
    languages,
    leakage,
    tags,
    tempo,
)
from leitmotif.reports.statistics.evenness import (
    UNDER_SHARE,
    describe_language_spread,
    describe_spread,
    total_variation,
)
from leitmotif.reports.statistics.funnel import describe_funnel, describe_rules
from leitmotif.reports.statistics.histogram import round_figures
from leitmotif.reports.statistics.interactive_funnel import describe_interactive_funnel
from leitmotif.reports.statistics.model.stats import Stats
from leitmotif.reports.statistics.quantities import QUANTITIES, describe_histogram, empty_histogram
from leitmotif.reports.statistics.rejections import (
    asked_only,
    count_quarantines,
    count_rejections,
    read_thresholds,
)
from leitmotif.reports.statistics.value_counts import count_texts, most_first
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.licenses import license_id
from leitmotif.shards.sample import METHOD
from leitmotif.taxonomy.labels import TAG_KINDS
from leitmotif.weights.small_models import embedded_models, small_models

SCHEMA_VERSION = 1
SEED = 0
# Rows whose embeddings, titles and descriptions are read: shares of them are known to within 2.2 %.
SAMPLE_ROWS = 2000
COLUMNS = tuple(
    dict.fromkeys(
        (*column_counts.COLUMNS, *captions.COLUMNS, *tags.COLUMNS, *tempo.COLUMNS, *leakage.COLUMNS)
    )
)
REJECTED_COLUMNS = ("source_id", "rule", "value", "threshold", "detail")
SAMPLED = tuple(
    dict.fromkeys((*embedding_map.COLUMNS, *embedding_map.NAMES, *languages.COLUMNS, *captions.COLUMNS))
)


def statistics(folder: Path, *, name: str | None = None) -> Stats:
    """Measure a published dataset or a workspace; media are not read.

    Args:
        folder: The dataset's or workspace's folder.
        name: What to call it; the folder's name by default.

    Returns:
        What stats.json holds: plain dictionaries, lists, numbers and texts.

    Raises:
        DatasetError: The folder is neither.
    """
    return measure(open_source(folder, name=name))


@dataclass
class _Meters:
    """What is filled in one pass over the kept clips."""

    column_counts: column_counts.ColumnCounts
    captions: captions.Captions
    tags: tags.Tags
    tempo: tempo.Tempo
    leakage: leakage.Leakage
    hours: dict[str, float]


def measure(source: Source) -> Stats:
    """Measure an opened dataset or workspace; see `statistics`."""
    rejected = source.side_table("rejected", REJECTED_COLUMNS)
    quarantined = source.side_table("quarantine", ("stage", "error"))
    thresholds = read_thresholds(source.recipe)
    measured = source.measured()
    kind = "dataset" if isinstance(source, Dataset) else "workspace"
    meters = _read(source, rejected, thresholds)
    rows = source.splits
    total = sum(rows.values())
    by_rule, by_stage = count_rejections(rejected, thresholds), count_quarantines(quarantined)
    pending = _pending(measured) if kind == "workspace" else {}
    counts = {"kept": total, "rejected": rejected.num_rows, "quarantined": quarantined.num_rows}
    if kind == "workspace":
        counts["pending"] = sum(pending.values())
    lost = {
        "rejected": {rule: entry["count"] for rule, entry in by_rule.items()},
        "quarantined": {stage: entry["count"] for stage, entry in by_stage.items()},
        "pending": pending,
    }
    seconds = meters.column_counts.histograms["duration_s"].total
    models = {
        backend: most_first(counter) for backend, counter in sorted(meters.column_counts.models.items())
    }
    # No type follows parts that bring several keys at once; `check_stats` looks before they are written.
    stats: Any = {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "dataset": source.name,
        **{key: _text(source.recipe.get(key)) for key in ("recipe", "profile", "version")},
        "counts": {"catalogued": sum(counts.values()), **counts},
        "rows": rows,
        "hours": meters.hours,
        "rejected": by_rule,
        "quarantined": by_stage,
        "funnel": describe_funnel(
            lost,
            (total, seconds / 3600),
            measured,
            stages=stage_order(source.recipe),
            stage_of={rule.name: rule.stage for rule in filters_rule.discover().values()},
        ),
        **_describe_rules(source, measured, thresholds),
        "asked_only": asked_only(source.recipe),
        "histograms": _describe_histograms(meters, thresholds, rejected),
        **_describe_tags(meters, source, total),
        "tempo_density": meters.tempo.density(),
        "motion_tempo": meters.tempo.against_motion(),
        **_describe_texts(meters.column_counts),
        **meters.leakage.describe(),
        "duplicates": duplicates.describe_duplicates(rejected),
        **_describe_sample(source, meters, total),
        "models": models,
        "embedded_models": embedded_models(models, source.recipe),
        "small_models": small_models(models, source.recipe),
    }
    return cast(Stats, stats)


def _read(source: Source, rejected: pa.Table, thresholds: Mapping[str, float]) -> _Meters:
    """Read the kept clips once."""
    histograms = {column: empty_histogram(source, column, rejected, thresholds) for column in QUANTITIES}
    meters = _Meters(
        column_counts.ColumnCounts(histograms),
        captions.Captions(),
        tags.Tags(source.taxonomy, histograms["tempo_bpm"]),
        tempo.Tempo(histograms["tempo_bpm"], histograms["motion"]),
        leakage.Leakage(),
        {},
    )
    for split in source.splits:
        before = histograms["duration_s"].total
        for table in source.stream(split, COLUMNS):
            meters.column_counts.add(table)
            meters.captions.add(table)
            meters.tags.add(split, table)
            meters.tempo.add(table)
            meters.leakage.add(split, table)
        meters.hours[split] = round((histograms["duration_s"].total - before) / 3600, 4)
    return meters


def stage_order(recipe: Mapping[str, Any]) -> list[str]:
    """Return the steps of measuring in order: reading the files, then the stages of a recipe."""
    return [CATALOG, *(recipe.get("stages") or ())]


def _pending(measured: pa.Table | None) -> dict[str, int]:
    """Return the stages that clips wait for, and how many do."""
    waiting: Counter[str] = Counter()
    if measured is not None:
        count_texts(waiting, measured.filter(pc.equal(measured["fate"], "pending"))["step"])
    return most_first(waiting)


def _describe_rules(
    source: Source, measured: pa.Table | None, thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """Return `rules` and `live`, where the numbers that rules judge are stored."""
    if measured is None:
        return {"rules": {}, "live": None}
    stages = stage_order(source.recipe)
    known = filters_rule.discover()
    named = [known[name] for name in thresholds if name in known and name in measured.column_names]
    rules = [rule for stage in stages for rule in named if rule.stage == stage]
    return {
        "rules": describe_rules(measured, rules, thresholds, stages, source.recipe.get("kinds", ())),
        "live": describe_interactive_funnel(measured, rules, thresholds, stages, seed=SEED),
    }


def _describe_histograms(
    meters: _Meters, thresholds: Mapping[str, float], rejected: pa.Table
) -> dict[str, dict[str, Any]]:
    found = {
        column: describe_histogram(meters.column_counts.histograms[column], unit, rules, thresholds, rejected)
        for column, (unit, rules) in QUANTITIES.items()
    }
    return found | {"caption_words": meters.captions.lengths.describe("words")}


def _describe_tags(meters: _Meters, source: Source, total: int) -> dict[str, Any]:
    found = meters.tags
    counts = {kind: found.counts(kind) for kind in TAG_KINDS}
    families = {label.id: label.family for label in source.taxonomy.instruments}
    by_family: Counter[str] = Counter({family.id: 0 for family in source.taxonomy.families})
    for tag, count in counts["instruments"].items():
        by_family[families.get(tag) or "unknown"] += count
    return {
        "tags": counts,
        "untagged": found.untagged,
        "unused_tags": {
            kind: [label for label in labels if label not in counts[kind]]
            for kind, labels in found.whole_list.items()
        },
        "families": most_first(by_family),
        "cooccurrence": found.together(),
        "tag_scores": found.scores(),
        "tempo_by_genre": found.tempos(),
        "split_balance": {
            split: _balance(meters, split, rows, total, counts) for split, rows in source.splits.items()
        },
    }


def _balance(
    meters: _Meters, split: str, rows: int, total: int, whole: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """Return how a split compares with the whole."""
    own = {kind: meters.tags.counts(kind, split) for kind in TAG_KINDS}
    return {
        "clips": rows,
        "share": round_figures(rows / total) if total else None,
        "hours": meters.hours[split],
        "total_variation": {kind: total_variation(own[kind], whole[kind]) for kind in TAG_KINDS},
        "shares": {
            kind: {tag: round_figures(own[kind].get(tag, 0) / rows) if rows else 0.0 for tag in whole[kind]}
            for kind in TAG_KINDS
        },
    }


def _describe_texts(found: column_counts.ColumnCounts) -> dict[str, Any]:
    return {
        "sizes": most_first(found.sizes),
        "tempo_classes": most_first(found.plain["tempo_class"]),
        "keys": most_first(found.plain["key"]),
        "licenses": most_first(_by_license(found.plain["license"])),
        "caption_backends": most_first(found.plain["caption_backend"]),
        "caption_prompts": most_first(found.plain["caption_prompt"]),
        "retrieved": [moment.date().isoformat() for moment in found.retrieved],
    }


def _by_license(worded: Mapping[str, int]) -> Counter[str]:
    """Return licences by one name each, however the sources word them."""
    found: Counter[str] = Counter()
    for text, clips in worded.items():
        found[license_id(text)] += clips
    return found


def _describe_sample(source: Source, meters: _Meters, total: int) -> dict[str, Any]:
    """Return what is measured on some rows only, and what rests on that."""
    sample = source.sample(SAMPLED, SAMPLE_ROWS, SEED)
    nothing = [None] * len(sample)
    texts = {
        name: sample[name].to_pylist() if name in sample.column_names else nothing
        for name in (*languages.COLUMNS, *captions.COLUMNS)
    }
    spoken = languages.describe_languages(texts["title"], texts["description"], of=total, seed=SEED)
    spreads = {
        kind: describe_spread(meters.tags.counts(kind), meters.tags.whole_list[kind], total)
        for kind in TAG_KINDS
    }
    return {
        **meters.captions.describe(texts["caption"], total),
        "languages": spoken,
        "embedding_map": embedding_map.describe_map(sample, of=total, seed=SEED),
        "representation": {
            "under_share": UNDER_SHARE,
            **spreads,
            "languages": describe_language_spread(spoken["counts"], languages.UNKNOWN),
        },
        "sample": {"seed": SEED, "rows": len(sample), "of": total, "method": METHOD},
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
