"""Files that are not there: told one by one, unless their whole source is missing; none is lost for good."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.media.errors import NoSuchFile
from leitmotif.phrases import count
from leitmotif.pipelines.damage import MANY_FILES
from leitmotif.pipelines.entries import CatalogEntry, stored_under
from leitmotif.pipelines.stage import Clip
from leitmotif.storage.errors import OutsideError
from leitmotif.storage.table import KEY


def source_of(entry: CatalogEntry) -> str:
    """Return the folder that a file was found in, of which its source id is the rest of the path."""
    path, name = entry.source.path, f"/{entry.source_id}"
    return path[: -len(name)] or "/" if path.endswith(name) else os.path.dirname(path)  # noqa: PTH120


def check_mounted(clips: Sequence[Clip], sources: Sequence[str]) -> None:
    """Stop the run if files are missing since their whole source is, such as a share that is not mounted.

    Args:
        clips: Clips of a batch.
        sources: The folder that the file of each was found in.

    Raises:
        OutsideError: A folder that files were found in is not there or holds nothing, or no file is there and
            nothing else in their folders.
    """
    missing: dict[str, set[Path]] = {}
    for clip, source in zip(clips, sources, strict=True):
        if not clip.path.exists():
            missing.setdefault(source, set()).add(clip.path)
    lost = len({clip.path for clip in clips}) == sum(map(len, missing.values())) >= MANY_FILES
    # A disk takes a whole folder with it; beside what was deleted other files lie.
    lost = lost and not any(map(_holds_any, {path.parent for paths in missing.values() for path in paths}))
    for source, paths in missing.items():
        folder = Path(source)
        # A mount point without its file system is an empty folder; so is that of one file that was deleted.
        empty = folder.is_dir() and len(paths) > 1 and not _holds_any(folder)
        if lost or empty or not folder.is_dir():
            raise OutsideError(
                f"{count(len(paths), 'file')} of {source!r} cannot be found (first: {min(paths).name!r}); is "
                "the disk or share mounted? Mount it and run again, no clip is blamed; files that were moved "
                "go on from where they lie now: give `curate` that folder"
            )


def _holds_any(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def without_returned(index: pa.Table, stage: str, entries: Sequence[CatalogEntry]) -> pa.Table:
    """Return the index of a stage's store without the failures of files that were missing and are back.

    Args:
        index: As `AppendOnlyTable.index` gives it.
        stage: The stage.
        entries: The clips that the stage is to measure.
    """
    gone = set(index.filter(pc.equal(index["error"], NoSuchFile.__name__))[KEY].to_pylist())
    back = {
        key
        for entry in entries
        if gone and (key := stored_under(entry, stage)) in gone and Path(entry.source.path).exists()
    }
    return (
        index.filter(pc.invert(pc.is_in(index[KEY], pa.array(sorted(back), pa.string())))) if back else index
    )
