"""A workspace that is not published yet, read as if it were: the kept clips under its plan."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leitmotif.pipelines.dataset_rows import read_columns
from leitmotif.pipelines.entries import CatalogEntry
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.measured import measured_table
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.workspace import Workspace
from leitmotif.shards.sample import choose_rows
from leitmotif.shards.schema import SIDE_TABLES
from leitmotif.shards.side_tables import SideTable
from leitmotif.shards.stream import BATCH_ROWS
from leitmotif.taxonomy.labels import Taxonomy, load

# The one split of clips that are not divided yet.
KEPT = "kept"


@dataclass(frozen=True)
class Unpublished:
    """A workspace.

    Attributes:
        plan: Plan of the workspace.
        ledger: What becomes of its clips.
        name: What it is called.
    """

    plan: Plan
    ledger: Ledger
    name: str

    @property
    def recipe(self) -> dict[str, Any]:
        """Every setting, as a dataset's recipe.yaml would hold them."""
        return {"version": version("leitmotif-av"), **self.plan.facts(), "models": self.ledger.models}

    @property
    def taxonomy(self) -> Taxonomy:
        """The label set that ships."""
        return load()

    @functools.cached_property
    def kept(self) -> list[CatalogEntry]:
        """The clips that pass, by clip id."""
        return self.ledger.kept()

    @property
    def splits(self) -> dict[str, int]:
        """How many clips pass, as one split."""
        return {KEPT: len(self.kept)}

    def stream(self, split: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of the kept clips; those of stages that the plan lacks are left out.

        Args:
            split: `KEPT`.
            columns: Names of columns of a dataset; media are not given.
        """
        for start in range(0, len(self.kept), BATCH_ROWS):
            yield read_columns(self.ledger, self.kept[start : start + BATCH_ROWS], columns)

    def sample(self, columns: Sequence[str], count: int, seed: int) -> pa.Table:
        """Return some columns of a seeded sample of at most `count` kept clips, and their `split`."""
        chosen = [self.kept[row] for row in choose_rows(len(self.kept), count, seed)]
        return read_columns(self.ledger, chosen, columns).append_column(
            "split", pa.array([KEPT] * len(chosen), pa.string())
        )

    def value_range(self, column: str) -> tuple[float, float] | None:
        """Return the least and greatest finite value of a column; None where it has none."""
        table = read_columns(self.ledger, self.kept, [column])
        if column not in table.column_names:
            return None
        values = table[column].to_numpy().astype(np.float64)
        values = values[np.isfinite(values)]
        return (float(values.min()), float(values.max())) if len(values) else None

    def side_table(self, name: SideTable, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some columns of the rejected or quarantined clips; all columns by default."""
        of_rules = name == "rejected"
        entries = [
            entry
            for entry in self.ledger.entries
            if (entry.outcome.rule if of_rules else entry.outcome.error)
        ]
        ordered = sorted(entries, key=lambda entry: (entry.clip_id, entry.source.path))
        rows = [
            {**vars(entry.outcome), "clip_id": entry.clip_id, "source": entry.source.path}
            | {"source_id": entry.source_id}
            for entry in ordered
        ]
        table = pa.Table.from_pylist(rows, schema=SIDE_TABLES[name])
        return table if columns is None else table.select(list(columns))

    def measured(self) -> pa.Table:
        """Return length, fate and numbers of every clip."""
        return measured_table(self.ledger)


def is_workspace(folder: Path) -> bool:
    """Return whether a folder is a workspace that was curated."""
    return (folder / "plan.yaml").is_file()


def open_workspace(folder: Path, *, name: str | None = None) -> Unpublished:
    """Open a curated workspace under the plan of its last run; nothing is measured.

    Args:
        folder: The workspace.
        name: What to call it; the folder's name by default.

    Raises:
        UserError: This is no workspace.
    """
    workspace = Workspace(folder)
    plan = workspace.plan()
    ledger = Ledger(*workspace.kinds(plan))
    ledger.decide()
    return Unpublished(plan, ledger, name or folder.resolve().name.strip(".") or "workspace")
