"""Damaged files of a workspace: set aside, so that the next run makes them again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leitmotif.collection.folder import FoundFile
from leitmotif.phrases import command, count
from leitmotif.pipelines.media_files import FILE_COLUMNS, check_file
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.atomic import set_aside
from leitmotif.storage.errors import OutsideError, RunError
from leitmotif.storage.parquet import DamagedError, naming_damage, read_table
from leitmotif.storage.table import PARTS, drop_rows

logger = logging.getLogger("leitmotif.pipelines")

# The folder of a stage's store that its media files lie in.
FILES = "files"
# So many files of one place, and no other left in it, are not lost one by one.
MANY_FILES = 3


@contextmanager
def telling_damage(workspace: Workspace) -> Iterator[None]:
    """Say in one line what becomes of a damaged file; it is set aside unless a run holds the workspace.

    Raises:
        OutsideError: There is one.
    """
    try:
        yield
    except DamagedError as damaged:
        raise OutsideError(_set_aside_or_say(workspace, damaged)) from damaged


def _set_aside_or_say(workspace: Workspace, damaged: DamagedError) -> str:
    if workspace.root not in damaged.path.parents:
        return str(damaged)
    curate = command("curate", "--out", workspace.root)
    if _is_of_catalog(workspace, damaged.path):
        # Without it a dataset would lack its files, and nobody would know.
        return f"{damaged}; run `{curate}`, which enters its files again"
    try:
        with workspace.held():
            said = take_away(workspace, damaged)
    except RunError as error:  # a run holds it, or it may only be read
        return f"{damaged}, and cannot be set aside ({error})"
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

    Damage rarely comes alone: all parts and media files of the same store are checked, the latter by their
    hash only where a media file is damaged, since whoever met that one was about to read them all. Of a media
    file the row goes as well that names it.

    Raises:
        OutsideError: All media files of the store are missing, as where their disk is not mounted.
        OSError: The disk refused.
    """
    path = damaged.path
    is_media = path.parent.name == FILES
    store = path.parents[1] if is_media else path.parent
    aside = set_aside(path)
    # Of the catalog each part is read for its files before it goes.
    found = () if _is_of_catalog(workspace, path) else _damaged_in(store, workspace, hashed=is_media)
    others = [other.path for other in found if other.path != path]
    _check_mounted([file for file in (path, *others) if file.parent == store / FILES])
    for other in others:
        set_aside(other)
    names = {file.relative_to(workspace.root).as_posix() for file in (path, *others) if file.parent != store}
    if names:
        drop_rows(store, "file", names, scratch=workspace.scratch)
    place = f"set aside as {aside.name}" if aside else "its row is dropped"
    more = f", and {count(len(others), 'more file')} of {store.name} likewise" if others else ""
    return f"{damaged}; {place}{more}"


def _check_mounted(files: Sequence[Path]) -> None:
    """Raise `OutsideError` if these media files are missing, and whatever else lay in their folder."""
    if len(files) < MANY_FILES or any(files[0].parent.glob("*")):
        return
    raise OutsideError(
        f"{count(len(files), 'file')} of {str(files[0].parent)!r} cannot be found; is the disk or share "
        f"mounted? Mount it and run again, or delete {str(files[0].parents[1])!r} to have them made again"
    )


def _damaged_in(store: Path, workspace: Workspace, *, hashed: bool) -> Iterator[DamagedError]:
    for part in sorted(store.glob(PARTS)):
        try:
            with naming_damage(part):
                table = read_table(part)
        except DamagedError as damaged:
            yield damaged
            continue
        known = [name for name, _ in FILE_COLUMNS if name in table.schema.names]
        for row in table.select(known).to_pylist() if "file" in known else ():
            try:
                if row["file"] is not None:
                    check_file(workspace.root, row if hashed else row | {"sha256": None})
            except DamagedError as damaged:
                yield damaged


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
