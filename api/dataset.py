"""Publishing from Python, and a published dataset as an object."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.api.progress import progress as show_progress
from leitmotif.api.settings import Settings, assignments
from leitmotif.api.tables import draw_facts, say_facts
from leitmotif.api.workspace import Workspace
from leitmotif.phrases import command
from leitmotif.pipelines import workspace as pipelines_workspace
from leitmotif.pipelines.publish import publish as write_dataset
from leitmotif.pipelines.settings import change_thresholds
from leitmotif.reports.errors import one_line_errors
from leitmotif.reports.published import Published, open_published
from leitmotif.reports.write import write_reports
from leitmotif.shards.validate import validate
from leitmotif.storage.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# What fills a notebook's memory, and is given where it is asked for by name.
MEDIA = ("audio", "frames")
# Rows read at once where they are given one by one, media and all.
ROWS_AT_ONCE = 16


class Dataset:
    """A published dataset: rows by split, and what is known of them.

    Attributes:
        path: Its folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it; no row is read yet.

        Raises:
            UserError: The folder is no published dataset, or its first shard cannot be read.
        """
        self.path = Path(path)
        with one_line_errors(self.path):
            self._published: Published = open_published(self.path)
            self._schema = self._published.schema

    @cached_property
    def splits(self) -> dict[str, int]:
        """Rows of each split."""
        with one_line_errors(self.path):
            return self._published.rows()

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [] if self._schema is None else list(self._schema.names)

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that is needed to make it again: stages, settings, thresholds, models."""
        return self._published.recipe

    @cached_property
    def stats(self) -> dict[str, Any]:
        """The numbers of its report.

        Raises:
            UserError: It has no readable stats.json.
        """
        try:
            stats: dict[str, Any] = json.loads((self.path / "stats.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{str(self.path)!r} has no readable stats.json; `{command('report', self.path)}` writes it"
            ) from error
        return stats

    @property
    def report_path(self) -> Path:
        """Its report, one page for a browser."""
        return self.path / "report.html"

    @property
    def rejected(self) -> pa.Table:
        """Clips that a rule rejected, with the rule, the value and the threshold."""
        with one_line_errors(self.path):
            return self._published.rejected()

    @property
    def quarantined(self) -> pa.Table:
        """Clips that could not be measured, with the stage, the error and its message."""
        with one_line_errors(self.path):
            return self._published.quarantined()

    def table(self, split: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Return rows as an Arrow table.

        Args:
            split: One of `splits`; all of them by default.
            columns: Which; all but audio and frames by default.

        Raises:
            UserError: There is no such split or column, or a file cannot be read.
        """
        import pyarrow as pa
        import pyarrow.dataset as pads

        chosen = self._columns(columns, [name for name in self.columns if name not in MEDIA])
        paths = self._paths(split)
        if not paths:
            return pa.table({})
        with one_line_errors(self.path):
            return pads.dataset(paths, format="parquet").to_table(columns=chosen)

    def to_pandas(self, split: str | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return rows as a pandas frame; takes what `table` takes, and needs pandas.

        Raises:
            UserError: There is no such split or column.
        """
        frame: pd.DataFrame = self.table(split, columns).to_pandas()
        return frame

    def rows(
        self, split: str | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Return rows one by one, read as they are asked for.

        Args:
            split: One of `splits`; all of them by default.
            columns: Which; all by default, `row["audio"]["bytes"]` (FLAC) and `row["frames"]` (JPEG) too.

        Raises:
            UserError: There is no such split or column.
        """
        return self._stream(self._paths(split), self._columns(columns, self.columns))

    def validate(self) -> list[str]:
        """Read everything again, and return what is wrong with files, hashes, splits and media; a line each.

        Raises:
            UserError: It has no manifest.
        """
        try:
            return validate(self.path)
        except ValueError as error:
            raise UserError(str(error)) from error

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.rows()

    def __len__(self) -> int:
        return sum(self.splits.values())

    def __repr__(self) -> str:
        return say_facts("Dataset", self.path, self.splits)

    def _repr_html_(self) -> str:
        left_out = {"rejected": len(self.rejected), "quarantined": len(self.quarantined)}
        return draw_facts(f"Dataset {self.path}", self.splits | left_out)

    def _paths(self, split: str | None) -> list[str]:
        shards = self._published.shards
        if split is not None and split not in shards:
            raise UserError(
                f"got split {split!r}; expected one of {', '.join(shards) or 'none: it is empty'}"
            )
        return [str(path) for name in shards if split in (None, name) for path in shards[name]]

    def _columns(self, asked: Sequence[str] | None, otherwise: list[str]) -> list[str]:
        if asked is None:
            return otherwise
        if isinstance(asked, str):
            raise UserError(f"got columns {asked!r}; expected a list of names, such as [{asked!r}]")
        if unknown := [name for name in asked if name not in self.columns]:
            raise UserError(f"got column {unknown[0]!r}; expected one of {', '.join(self.columns)}")
        return list(asked)

    def _stream(self, paths: list[str], columns: list[str]) -> Iterator[dict[str, Any]]:
        import pyarrow.parquet as pq

        for path in paths:
            with one_line_errors(self.path):
                for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE, columns=columns):
                    yield from batch.to_pylist()


def publish(
    workspace: Workspace | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    set: Settings | Sequence[str] | None = None,
    progress: bool = True,
) -> Dataset:
    """Write a curated workspace as a dataset folder, with report, data card and Croissant metadata.

    Args:
        workspace: The workspace, or its folder.
        out: The dataset's folder. A dataset that is there is replaced once the new one is whole.
        set: Other thresholds, tags or splits, such as `{"motion.threshold": 0.02, "splits.test": 0.2}`.
        progress: Show how far it is.

    Returns:
        The dataset.

    Raises:
        UserError: Clips are not measured yet, or a setting or the folder is of no use.
        OutsideError: The disk refused; a former dataset is untouched.
    """
    root = workspace.path if isinstance(workspace, Workspace) else Path(workspace)
    folder, target = pipelines_workspace.Workspace(root), Path(out)
    plan = change_thresholds(folder.plan(), assignments(set), folder.root)
    with show_progress(progress) as tell:
        write_dataset(
            folder,
            target,
            plan,
            finish=lambda beside, ledger: write_reports(beside, ledger, name=target.name),
            progress=tell,
        )
    return Dataset(target)
