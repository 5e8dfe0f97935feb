"""Which columns of a split a loader gives."""

from __future__ import annotations

from collections.abc import Sequence

from leitmotif.phrases import did_you_mean
from leitmotif.shards.row_groups import Split
from leitmotif.storage.errors import UserError

SEED = "seed"


def check_columns(split: Split, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns, each once.

    Raises:
        UserError: There is none, or the split does not have one.
    """
    if isinstance(columns, str):
        raise UserError(f"got columns {columns!r}; expected a list of names, as in [{columns!r}]")
    if not columns:
        raise UserError("got no columns; name those that are needed, as in ['clip_id', 'audio']")
    for column in columns:
        if column not in (*split.columns, SEED):
            meant = did_you_mean(column, split.columns).strip()
            hint = meant or f"it has {', '.join(split.columns)}"
            raise UserError(f"the dataset has no column {column!r}; {hint}")
    return tuple(dict.fromkeys(columns))
