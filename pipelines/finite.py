"""Numbers that are to be stored: none of them is infinite, and each is one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class NotFinite(ValueError):  # noqa: N818 - reads as a finding in a table of quarantined rows
    """A stage gave a number that is none (NaN), or infinite."""


def check_finite(row: Mapping[str, Any]) -> None:
    """Refuse a row with a number that no rule, no statistic and no training can use.

    Args:
        row: Columns of a stage by name: numbers, texts, and lists, arrays and mappings of them.

    Raises:
        NotFinite: A number is infinite or none; the text names its column.
    """
    for name, value in row.items():
        if not _is_finite(value):
            what = f"is {value}" if isinstance(value, float) else "holds numbers that are infinite or none"
            raise NotFinite(f"{name} {what}; the file is damaged, or the model: export or fetch it again")


def _is_finite(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return math.isfinite(value)
    if isinstance(value, np.ndarray):
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return all(map(_is_finite, value))
    return True
