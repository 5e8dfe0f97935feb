"""What is measured: a published dataset, or a workspace that is not published yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from leitmotif.reports.workspace import Unpublished, is_workspace, open_workspace
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.side_tables import SideTable
from leitmotif.taxonomy.labels import Taxonomy


class Source(Protocol):
    """Clips with their numbers, read as a stream; media are not read."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def recipe(self) -> dict[str, Any]:
        """Every setting: stages, rules with thresholds, tags, splits."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The label set that the tags come from."""

    @property
    def splits(self) -> dict[str, int]:
        """The kept clips of each split."""

    def stream(self, split: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a split, one chunk per column; those that are not there are left out."""

    def sample(self, columns: Sequence[str], count: int, seed: int) -> pa.Table:
        """Return some columns of a seeded sample of at most `count` kept clips, and their `split`."""

    def value_range(self, column: str) -> tuple[float, float] | None:
        """Return the least and greatest finite value of a column; None where it has none."""

    def side_table(self, name: SideTable, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some columns of the clips that are not kept; all columns by default."""

    def measured(self) -> pa.Table | None:
        """Return a table as of `leitmotif.pipelines.measured.measured_table`; None where none is stored."""


def open_source(folder: Path, *, name: str | None = None) -> Dataset | Unpublished:
    """Open a published dataset or a workspace.

    Args:
        folder: The folder.
        name: What to call it; the folder's name by default.

    Raises:
        DatasetError: The folder is neither.
    """
    return open_workspace(folder, name=name) if is_workspace(folder) else Dataset(folder, name=name)
