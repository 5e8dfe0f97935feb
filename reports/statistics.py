"""The numbers of a published dataset: counts, histograms, tags, words, models."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from reports.histogram import Histogram, readable_histogram, score_histogram
from reports.outcomes import count_quarantines, count_rejections, read_thresholds, rejected_values
from reports.published import Published, embedded_models, open_published
from reports.tally import count_texts, most_first

TAG_KINDS = ("instruments", "genres", "moods")
# Quantity → its unit, and the rules whose measured value is the same quantity.
QUANTITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "duration_s": ("s", ("too-short", "too-long", "duration")),
    "motion": ("grey levels", ("motion",)),
    "tempo_bpm": ("BPM", ("tempo",)),
    "vocal_score": ("0..1", ("vocal", "vocals")),
    "pam_score": ("0..1", ("pam", "quality")),
}
_SCORES = ("vocal_score", "pam_score")
_COLUMNS = (
    *QUANTITIES,
    *TAG_KINDS,
    "width",
    "height",
    "tempo_class",
    "key",
    "license",
    "caption",
    "caption_backend",
    "caption_prompt",
    "models",
    "retrieved_at",
)
_EDGES_OF_WORDS = ".,;:!?\"'()[]{}“”‘’…"
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
    rejected, quarantined = published.rejected(), published.quarantined()
    thresholds = read_thresholds(published.recipe)
    rejections = count_rejections(rejected, thresholds)
    kept = _Kept(published, rejected)
    rows = published.rows()
    hours: dict[str, float] = {}
    for split in published.shards:
        before = kept.histograms["duration_s"].total
        for table in published.stream(split, _COLUMNS):
            kept.add(table)
        hours[split] = round((kept.histograms["duration_s"].total - before) / 3600, 4)
    total = sum(rows.values())
    recipe = published.recipe
    return {
        "dataset": published.name,
        "recipe": _text(recipe.get("recipe")),
        "profile": _text(recipe.get("profile")),
        "version": _text(recipe.get("version")),
        "counts": {
            "catalogued": total + rejected.num_rows + quarantined.num_rows,
            "kept": total,
            "rejected": rejected.num_rows,
            "quarantined": quarantined.num_rows,
        },
        "rows": rows,
        "hours": hours,
        "rejected": rejections,
        "quarantined": count_quarantines(quarantined),
        **kept.describe(published, thresholds, rejected),
    }


class _Kept:
    """Counts over the kept rows, filled table by table."""

    def __init__(self, published: Published, rejected: pa.Table) -> None:
        self.histograms = {
            column: _empty_histogram(published, column, rejected_values(rejected, rules))
            for column, (_, rules) in QUANTITIES.items()
        }
        self.words = Histogram(0.0, 1.0, 100)
        self.tags: dict[str, Counter[str]] = {kind: Counter() for kind in TAG_KINDS}
        self.untagged: Counter[str] = Counter()
        self.plain: dict[str, Counter[str]] = {
            column: Counter()
            for column in ("tempo_class", "key", "license", "caption_backend", "caption_prompt")
        }
        self.sizes: Counter[str] = Counter()
        self.vocabulary: Counter[str] = Counter()
        self.models: dict[str, Counter[str]] = {}
        self.retrieved: list[datetime.datetime] = []

    def add(self, table: pa.Table) -> None:
        for column, histogram in self.histograms.items():
            if column in table.column_names:
                histogram.add(table.column(column))
        for column, counter in self.plain.items():
            if column in table.column_names:
                count_texts(counter, table.column(column))
        for kind in TAG_KINDS:
            if kind in table.column_names:
                self._add_tags(kind, table.column(kind))
        if {"width", "height"} <= set(table.column_names):
            size = pc.binary_join_element_wise(
                table.column("width").cast(pa.string()), table.column("height").cast(pa.string()), "×"
            )
            count_texts(self.sizes, size.drop_null())
        if "caption" in table.column_names:
            self._add_captions(table.column("caption"))
        if "models" in table.column_names:
            self._add_models(table.column("models"))
        if "retrieved_at" in table.column_names:
            ends = pc.min_max(table.column("retrieved_at")).as_py().values()
            seen = [*self.retrieved, *(end for end in ends if end is not None)]
            self.retrieved = [min(seen), max(seen)] if seen else []

    def _add_tags(self, kind: str, column: pa.ChunkedArray) -> None:
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        self.untagged[kind] += int(pc.sum(pc.equal(lengths, 0)).as_py() or 0)
        for chunk in column.chunks:
            count_texts(self.tags[kind], pc.struct_field(pc.list_flatten(chunk), "tag"))

    def _add_captions(self, column: pa.ChunkedArray) -> None:
        captions = column.drop_null()
        words = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(captions))
        lengths = pc.if_else(pc.equal(pc.utf8_trim_whitespace(captions), ""), 0, pc.list_value_length(words))
        self.words.add(lengths)
        self.words.missing += len(column) - len(captions)
        distinct: Counter[str] = Counter()
        count_texts(distinct, pc.list_flatten(words))
        for word, count in distinct.items():
            if plain := word.strip(_EDGES_OF_WORDS).lower():
                self.vocabulary[plain] += count

    def _add_models(self, column: pa.ChunkedArray) -> None:
        for chunk in column.chunks:
            if pa.types.is_map(chunk.type):
                backends, models = chunk.keys, chunk.items
            else:
                pairs = pc.list_flatten(chunk)
                backends, models = pc.struct_field(pairs, "backend"), pc.struct_field(pairs, "model")
            counted: Counter[str] = Counter()
            count_texts(
                counted, pc.binary_join_element_wise(backends, pc.fill_null(models, "unknown"), "\x00")
            )
            for pair, count in counted.items():
                backend, _, model = pair.partition("\x00")
                self.models.setdefault(backend, Counter())[model] += count

    def describe(
        self, published: Published, thresholds: Mapping[str, float], rejected: pa.Table
    ) -> dict[str, Any]:
        taxonomy = published.taxonomy()
        families = {label.id: label.family or "none" for label in taxonomy.instruments}
        by_family: Counter[str] = Counter({family.id: 0 for family in taxonomy.families})
        for tag, count in self.tags["instruments"].items():
            by_family[families.get(tag, "unknown")] += count
        known = {
            "instruments": taxonomy.instruments,
            "genres": taxonomy.genres,
            "moods": taxonomy.moods,
        }
        models = {backend: most_first(counter) for backend, counter in sorted(self.models.items())}
        return {
            "histograms": {
                column: _describe_histogram(self.histograms[column], unit, rules, thresholds, rejected)
                for column, (unit, rules) in QUANTITIES.items()
            }
            | {
                "caption_words": {
                    "unit": "words",
                    **self.words.describe(),
                    "thresholds": {},
                    "rejected_counts": [],
                }
            },
            "sizes": most_first(self.sizes),
            "tags": {kind: most_first(counter) for kind, counter in self.tags.items()},
            "untagged": {kind: self.untagged[kind] for kind in TAG_KINDS},
            "unused_tags": {
                kind: [label.id for label in labels if label.id not in self.tags[kind]]
                for kind, labels in known.items()
            },
            "families": most_first(by_family),
            "tempo_classes": most_first(self.plain["tempo_class"]),
            "keys": most_first(self.plain["key"]),
            "licenses": most_first(self.plain["license"]),
            "caption_backends": most_first(self.plain["caption_backend"]),
            "caption_prompts": most_first(self.plain["caption_prompt"]),
            "vocabulary": {
                "words": sum(self.vocabulary.values()),
                "distinct": len(self.vocabulary),
                "top": most_first(self.vocabulary, TOP_WORDS),
            },
            "retrieved": [moment.date().isoformat() for moment in self.retrieved],
            "models": models,
            "embedded_models": embedded_models(models),
        }


def _empty_histogram(published: Published, column: str, rejected: list[float]) -> Histogram:
    """Return a histogram over a column's values, widened (within reason) to the rejected ones."""
    if column in _SCORES:
        return score_histogram()
    kept = published.value_range(column)
    if kept is None:
        return readable_histogram(min(rejected, default=0.0), max(rejected, default=1.0))
    low, high = kept
    # One absurd reject (a ten-hour recording) must not squeeze what was kept into one bar.
    room = 2 * (high - low) if high > low else max(abs(high), 1.0)
    widened = [value for value in rejected if low - room <= value <= high + room]
    return readable_histogram(min([low, *widened]), max([high, *widened]))


def _describe_histogram(
    histogram: Histogram,
    unit: str,
    rules: tuple[str, ...],
    thresholds: Mapping[str, float],
    rejected: pa.Table,
) -> dict[str, Any]:
    """Return a histogram of the kept rows, with that of the rows which its rules rejected beside it."""
    beside = Histogram(histogram.low, histogram.step, histogram.bins)
    if values := rejected_values(rejected, rules):
        beside.add(pa.array(values, pa.float64()))
    return {
        "unit": unit,
        **histogram.describe(),
        "thresholds": {rule: thresholds[rule] for rule in rules if rule in thresholds},
        "rejected_counts": beside.counts.tolist() if values else [],
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
