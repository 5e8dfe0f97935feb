"""Single rows of a side table, wherever they lie: what a training looks up beside the row that it learns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.shards.errors import reading
from leitmotif.shards.features import KEY, Features
from leitmotif.storage import parquet


class FeatureRows:
    """Reads rows of a side table by `clip_id`, each with the row group that it lies in and no other.

    It is small enough to be sent to workers, which look into the files once they read a row.

    Args:
        features: The table.
    """

    def __init__(self, features: Features) -> None:
        self.features = features

    @cached_property
    def _places(self) -> dict[str, tuple[Path, int, int]]:
        """The file of each clip, its row group and its row in there."""
        found = {}
        for path in self.features.files:
            with reading(self.features.dataset, path.name), parquet.ParquetFile(path) as file:
                ids = file.read([KEY])[KEY].to_pylist()
                start = 0
                for group in range(file.num_row_groups):
                    size = file.metadata.row_group(group).num_rows
                    found.update({ids[start + row]: (path, group, row) for row in range(size)})
                    start += size
        return found

    def __contains__(self, clip_id: object) -> bool:
        return clip_id in self._places

    def __getstate__(self) -> dict[str, Any]:
        return {"features": self.features}

    def read(self, clip_id: str, columns: Sequence[str]) -> dict[str, Any]:
        """Return some columns of a clip; lists of numbers come as arrays (n, …).

        Raises:
            KeyError: The table lacks the clip.
            DatasetError: A file is missing or damaged.
        """
        path, group, row = self._places[clip_id]
        with reading(self.features.dataset, path.name), parquet.ParquetFile(path) as file:
            table = file.read_row_group(group, columns=list(columns), use_threads=False)
        return {name: value_of(table[name][row]) for name in columns}


def value_of(scalar: pa.Scalar) -> Any:
    """Return a list of numbers, nested or not, as an array (n, …), and anything else as Python has it."""
    if not isinstance(scalar, pa.ListScalar) or not scalar.is_valid:
        return scalar.as_py()
    values = scalar.values
    lengths = [len(values)]
    while pa.types.is_fixed_size_list(kind := values.type):
        lengths.append(kind.list_size)
        values = values.flatten()
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)) or values.null_count:
        return scalar.as_py()
    array: np.ndarray = values.to_numpy().reshape(lengths)
    return array
