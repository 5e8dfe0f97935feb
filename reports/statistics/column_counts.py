"""Counts over the kept clips of a dataset, filled table by table."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.reports.statistics.histogram import Histogram
from leitmotif.reports.statistics.quantities import QUANTITIES
from leitmotif.reports.statistics.value_counts import count_texts, encode_texts

COLUMNS = (
    *QUANTITIES,
    "width",
    "height",
    "tempo_class",
    "key",
    "license",
    "caption_backend",
    "caption_prompt",
    "models",
    "retrieved_at",
)


class ColumnCounts:
    """What the kept rows hold.

    Args:
        histograms: An empty histogram of each quantity.
    """

    def __init__(self, histograms: Mapping[str, Histogram]) -> None:
        self.histograms = histograms
        self.plain: dict[str, Counter[str]] = {
            column: Counter()
            for column in ("tempo_class", "key", "license", "caption_backend", "caption_prompt")
        }
        self.sizes: Counter[str] = Counter()
        self.models: dict[str, Counter[str]] = {}
        self.retrieved: list[datetime.datetime] = []

    def add(self, table: pa.Table) -> None:
        """Count the rows of a table that holds some of `COLUMNS`."""
        for column, histogram in self.histograms.items():
            if column in table.column_names:
                histogram.add(table.column(column))
        for column, counter in self.plain.items():
            if column in table.column_names:
                count_texts(counter, table.column(column))
        if {"width", "height"} <= set(table.column_names):
            size = pc.binary_join_element_wise(
                table.column("width").cast(pa.string()), table.column("height").cast(pa.string()), "×"
            )
            count_texts(self.sizes, size.drop_null())
        if "models" in table.column_names:
            self._add_models(table.column("models"))
        if "retrieved_at" in table.column_names:
            ends = pc.min_max(table.column("retrieved_at")).as_py().values()
            seen = [*self.retrieved, *(end for end in ends if end is not None)]
            self.retrieved = [min(seen), max(seen)] if seen else []

    def _add_models(self, column: pa.ChunkedArray) -> None:
        for chunk in column.chunks:
            if pa.types.is_map(chunk.type):
                backends, models = chunk.keys, chunk.items
            else:
                pairs = pc.list_flatten(chunk)
                backends, models = pc.struct_field(pairs, "backend"), pc.struct_field(pairs, "model")
            self._count_models(encode_texts(backends), encode_texts(pc.fill_null(models, "unknown")))

    def _count_models(self, backends: pa.DictionaryArray, models: pa.DictionaryArray) -> None:
        named = backends.is_valid().to_numpy(zero_copy_only=False)
        size = len(backends.dictionary), len(models.dictionary)
        pairs = backends.indices.drop_null().to_numpy().astype(np.int64) * size[1]
        pairs += models.indices.to_numpy()[named]
        counts = np.bincount(pairs, minlength=size[0] * size[1])
        for pair in np.flatnonzero(counts).tolist():
            backend, model = divmod(pair, size[1])
            used = self.models.setdefault(backends.dictionary[backend].as_py(), Counter())
            used[models.dictionary[model].as_py()] += int(counts[pair])
