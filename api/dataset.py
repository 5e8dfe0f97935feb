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
from leitmotif.pipelines.describing import one_line_errors
from leitmotif.pipelines.publish import publish as write_dataset
from leitmotif.pipelines.settings import change_thresholds
from leitmotif.pipelines.validating import examine_safely
from leitmotif.reports.write import write_reports
from leitmotif.retrieval.build import Indexed
from leitmotif.retrieval.build import build as build_index
from leitmotif.retrieval.query import Query
from leitmotif.retrieval.retriever import Found, Retriever
from leitmotif.shards import dataset
from leitmotif.storage.documents import DocumentError, read_object
from leitmotif.storage.errors import UserError
from leitmotif.weights.device import checked_device

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
        self._retrievers: dict[tuple[Path | None, str], Retriever] = {}
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

    def index(
        self,
        out: str | os.PathLike[str] | None = None,
        *,
        encoders: Sequence[str] | None = None,
        device: str = "auto",
        progress: bool = True,
    ) -> Indexed:
        """Make its index, or bring it up to date, so that `retrieve` finds music in it.

        Args:
            out: The index's folder; by default `index/` in the dataset.
            encoders: What finds clips by sentences: "NAME" or "NAME=MODEL" of each; none with []. By default
                those of the former index, or the one that suits the dataset, if it is here.
            device: Where encoders run: "cpu", "cuda", "cuda:N" or "auto".
            progress: Show how far it is.

        Raises:
            UserError: The dataset cannot be read, `out` holds something else, or an encoder is not here.
            OutsideError: The disk refused; a former index is untouched.
        """
        with show_progress(progress) as tell:
            done = build_index(
                self,
                None if out is None else Path(out),
                encoders=encoders,
                device=checked_device(device),
                on_progress=tell,
            )
        self._retrievers.clear()
        return done

    def retrieve(
        self,
        *,
        video: str | os.PathLike[str] | None = None,
        image: str | os.PathLike[str] | None = None,
        audio: str | os.PathLike[str] | None = None,
        text: str | None = None,
        genre: str | None = None,
        mood: str | None = None,
        instrument: str | None = None,
        tempo: str | None = None,
        k: int = 10,
        index: str | os.PathLike[str] | None = None,
        device: str = "auto",
    ) -> Found:
        """Find music in it: near to what is given (`broad`), and with the attributes wanted (`targeted`).

        Args:
            video: Clips that look like this film.
            image: Clips that look like this picture.
            audio: Clips that sound like this file.
            text: Clips that these words describe.
            genre: Clips with this tag; so are mood and instrument.
            mood: See `genre`.
            instrument: See `genre`.
            tempo: "slow", "medium" or "fast" clips.
            k: Clips of each track at most.
            index: The index, where it was made elsewhere.
            device: Where models run: "cpu", "cuda", "cuda:N" or "auto".

        Raises:
            UserError: There is no index, nothing to look for, or something given is of no use.
        """
        with one_line_errors():
            query = Query(
                video=None if video is None else Path(video),
                image=None if image is None else Path(image),
                audio=None if audio is None else Path(audio),
                text=text,
                genre=genre,
                mood=mood,
                instrument=instrument,
                tempo=tempo,
            )
            return self.retriever(index, device=device).retrieve(query, k)

    def retriever(self, index: str | os.PathLike[str] | None = None, *, device: str = "auto") -> Retriever:
        """Return what answers `retrieve`, its models and vectors loaded once.

        Raises:
            UserError: There is no index.
        """
        key = (None if index is None else Path(index), checked_device(device))
        if key not in self._retrievers:
            self._retrievers[key] = Retriever(self, key[0], device=key[1])
        return self._retrievers[key]

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
