"""The least and greatest value of a column: from the footers where they say, or else from its values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.storage import parquet


def footer_range(footers: Sequence[parquet.FileMetaData], column: str) -> tuple[float, float] | None:
    """Return the least and greatest value of a column from the footers; None where they do not say."""
    low, high = float("inf"), float("-inf")
    for footer in footers:
        index = {footer.schema.column(i).path: i for i in range(footer.num_columns)}.get(column)
        for group in range(footer.num_row_groups) if index is not None else ():
            found = footer.row_group(group).column(index).statistics
            if found is not None and found.has_min_max:
                low, high = min(low, float(found.min)), max(high, float(found.max))
    return (low, high) if low <= high else None


def scanned_range(tables: Iterable[pa.Table], column: str) -> tuple[float, float] | None:
    """Return the least and greatest finite value of a column of tables; None where it has none."""
    low, high = float("inf"), float("-inf")
    for table in tables:
        values = table.column(column).drop_null()
        values = values.filter(pc.is_finite(values))
        if len(values):
            least = pc.min_max(values).as_py()
            low, high = min(low, least["min"]), max(high, least["max"])
    return (low, high) if low <= high else None
