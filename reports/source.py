"""What is measured: a published dataset, or a workspace that is not published yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from leitmotif.reports.published import NotPublishedError, Published, open_published
from leitmotif.reports.workspace import Unpublished, is_workspace, open_workspace
from leitmotif.taxonomy.labels import Taxonomy

__all__ = ["NotPublishedError", "Published", "Source", "Unpublished", "open_source"]


class Source(Protocol):
    """Clips with their numbers, read as a stream; media are not read."""

    @property
    def kind(self) -> Literal["dataset", "workspace"]:
        """What it is."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def recipe(self) -> dict[str, Any]:
        """Every setting: stages, rules with thresholds, tags, splits."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The label set that the tags come from."""

    def rows(self) -> dict[str, int]:
        """Return the kept clips of each split."""

    def stream(self, split: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a split, one chunk per column; those that are not there are left out."""

    def sample(self, columns: Sequence[str], count: int, seed: int) -> pa.Table:
        """Return some columns of a seeded sample of at most `count` kept clips, and their `split`."""

    def value_range(self, column: str) -> tuple[float, float] | None:
        """Return the least and greatest finite value of a column; None where it has none."""

    def rejected(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns of the rejected clips."""

    def quarantined(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns of the quarantined clips."""

    def measured(self) -> pa.Table | None:
        """Return a table as of `leitmotif.pipelines.measured.measured_table`; None where none is stored."""


def open_source(folder: Path, *, name: str | None = None) -> Published | Unpublished:
    """Open a published dataset or a workspace.

    Args:
        folder: The folder.
        name: What to call it; the folder's name by default.

    Raises:
        NotPublishedError: The folder is neither.
    """
    return open_workspace(folder, name=name) if is_workspace(folder) else open_published(folder, name=name)
