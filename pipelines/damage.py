"""Damaged files of a workspace: set aside, so that the next run makes them again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from leitmotif.collection.folder import FoundFile
from leitmotif.phrases import command
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.atomic import set_aside
from leitmotif.storage.errors import OutsideError, RunError
from leitmotif.storage.parquet import DamagedError, naming_damage, read_table
from leitmotif.storage.table import drop_row

logger = logging.getLogger("leitmotif.pipelines")

# The folder of a stage's store that its media files lie in.
FILES = "files"


@contextmanager
def told(workspace: Workspace) -> Iterator[None]:
    """Say in one line what becomes of a damaged file; it is set aside unless a run holds the workspace.

    Raises:
        OutsideError: There is one.
    """
    try:
        yield
    except DamagedError as damaged:
        raise OutsideError(_told(workspace, damaged)) from damaged


def _told(workspace: Workspace, damaged: DamagedError) -> str:
    if workspace.root not in damaged.path.parents:
        return str(damaged)
    curate = command("curate", "--out", workspace.root)
    if _is_of_catalog(workspace, damaged.path):
        # Without it a dataset would lack its files, and nobody would know.
        return f"{damaged}; run `{curate}`, which enters its files again"
    try:
        with workspace.held():
            said = take_away(workspace, damaged)
    except RunError:  # a run holds it, or it may only be read
        said = str(damaged)
    return f"{said}; run `{curate}`, which measures again what is missing"


def until_whole(workspace: Workspace, work: Callable[[list[FoundFile]], None]) -> None:
    """Do the work of a run, again whenever it met a damaged file, which is set aside.

    Args:
        workspace: The workspace, which this process holds.
        work: Called with files to be entered in the catalog again.

    Raises:
        DamagedError: A file is damaged again as soon as it was made again.
        OutsideError: A part of the catalog is damaged beyond saying which files it held.
    """
    again: list[FoundFile] = []
    met: DamagedError | None = None
    seen = set()
    while True:
        try:
            if met is not None:
                again += _entered_in(met, workspace) if _is_of_catalog(workspace, met.path) else []
                logger.warning("%s; what it held is made again", take_away(workspace, met))
            work(again)
        except DamagedError as damaged:
            if damaged.path in seen or workspace.root not in damaged.path.parents:
                raise
            seen.add(damaged.path)
            met = damaged
        else:
            return


def take_away(workspace: Workspace, damaged: DamagedError) -> str:
    """Set a damaged file of a workspace aside that this process holds; return what was done, in a line.

    Of a media file the row goes as well that names it.

    Raises:
        DamagedError: A part that may hold the row of a media file is damaged, too.
        OSError: The disk refused.
    """
    path = damaged.path
    aside = set_aside(path)
    if path.parent.name == FILES:
        drop_row(path.parents[1], path.name.partition(".")[0], scratch=workspace.scratch)
    place = f"set aside as {aside.name}" if aside else "its row is dropped"
    return f"{damaged}; {place}"


def _is_of_catalog(workspace: Workspace, path: Path) -> bool:
    return path.parent == workspace.catalog().folder


def _entered_in(damaged: DamagedError, workspace: Workspace) -> list[FoundFile]:
    """Return the files that a damaged part of the catalog held, as far as they are still there."""
    try:
        with naming_damage(damaged.path):
            rows = read_table(damaged.path, ["path", "source_id"]).to_pylist()
    except DamagedError:
        logger.warning(
            "%s: which files it held cannot be read; give their folders again: `%s`",
            damaged.path,
            command("curate", "SOURCE", "--out", workspace.root),
        )
        return []
    found = (FoundFile(Path(row["path"]), row["source_id"]) for row in rows)
    return [file for file in found if file.path.is_file()]
