"""Publishing from Python, and a published dataset as an object."""

from __future__ import annotations

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
from leitmotif.pipelines.validating import examine_safely
from leitmotif.reports.write import write_reports
from leitmotif.shards import dataset
from leitmotif.storage.documents import DocumentError, read_object
from leitmotif.storage.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


class Dataset(dataset.Dataset):
    """A published dataset: rows by split, and what is known of them.

    Attributes:
        path: Folder of the dataset.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it; no row is read yet.

        Raises:
            UserError: The folder is no published dataset, or its first shard cannot be read.
        """
        super().__init__(path)
        _ = self.schema  # a first shard that cannot be read says so now

    @cached_property
    def stats(self) -> dict[str, Any]:
        """The numbers of its report.

        Raises:
            UserError: It has no readable stats.json.
        """
        try:
            return read_object(self.path / "stats.json")
        except (OSError, DocumentError) as error:
            raise UserError(
                f"{str(self.path)!r} has no readable stats.json; `{command('report', self.path)}` writes it"
            ) from error

    @property
    def report_path(self) -> Path:
        """Its report, one page for a browser."""
        return self.path / "report.html"

    def to_pandas(self, split: str | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return rows as a pandas frame; takes what `table` takes, and needs pandas.

        Raises:
            UserError: There is no such split or column.
        """
        frame: pd.DataFrame = self.table(split, columns).to_pandas()
        return frame

    def validate(self, *, fast: bool = False) -> list[str]:
        """Read everything again, and return what is wrong with files, hashes, splits and media; a line each.

        Args:
            fast: Decode the sound and pictures of 200 rows, not of all.

        Raises:
            UserError: It has no manifest.
        """
        return examine_safely(self.path, fast=fast).problems

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.rows()

    def __len__(self) -> int:
        return sum(self.splits.values())

    def __repr__(self) -> str:
        return say_facts("Dataset", self.path, self.splits)

    def _repr_html_(self) -> str:
        left_out = {"rejected": len(self.rejected), "quarantined": len(self.quarantined)}
        return draw_facts(f"Dataset {self.path}", self.splits | left_out)


def publish(
    workspace: Workspace | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    set: Settings | Sequence[str] | None = None,
    mix: bool = False,
    progress: bool = True,
) -> Dataset:
    """Write a curated workspace as a dataset folder, with report, data card and Croissant metadata.

    Args:
        workspace: The workspace, or its folder.
        out: The dataset's folder. A dataset that is there is replaced once the new one is whole.
        set: Other thresholds, tags or splits, such as `{"motion.threshold": 0.02, "splits.test": 0.2}`.
        mix: With a column `mix`: the sound before the voice was taken out.
        progress: Show how far it is.

    Returns:
        The dataset.

    Raises:
        UserError: Clips are not measured yet, or a setting or the folder is of no use; or a dataset that has
            rows would be replaced by one that has none.
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
            mix=mix,
            finish=lambda beside, ledger: write_reports(beside, ledger, name=target.name),
            on_progress=tell,
        )
    return Dataset(target)
