"""Counting texts in Arrow columns."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc


def count_texts(counter: Counter[str], column: pa.ChunkedArray | pa.Array) -> None:
    """Add how often each text of a column, shape (rows,), occurs; nulls do not count."""
    for entry in pc.value_counts(column).to_pylist():
        if entry["values"] is not None:
            counter[str(entry["values"])] += entry["counts"]


def encode_texts(column: pa.Array) -> pa.DictionaryArray:
    """Return texts, shape (rows,), as numbers into a dictionary, which may hold more than the column."""
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def most_first(counter: Counter[str], count: int | None = None) -> dict[str, int]:
    """Return counts, greatest first and then by name, so that the same dataset gives the same text."""
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:count])
