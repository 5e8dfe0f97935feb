"""Files that are not there: left out until they are back, unless their whole source is missing."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.collection.folder import FoundFile
from leitmotif.media.errors import NoSuchFile
from leitmotif.phrases import count
from leitmotif.pipelines.catalog_row import CATALOG_COLUMNS
from leitmotif.pipelines.damage import MANY_FILES
from leitmotif.pipelines.entries import CatalogEntry, stored_under
from leitmotif.pipelines.stage import Clip
from leitmotif.storage.errors import OutsideError
from leitmotif.storage.table import KEY, AppendOnlyTable

_BYTE = re.compile(rb"\\x([89a-f][0-9a-f])")


def source_of(entry: CatalogEntry) -> str:
    """Return the folder that a file was found in."""
    return _folder(entry.source.path, entry.source_id)


def _folder(path: str, source_id: str) -> str:
    """Return the folder of which a source id is the rest of the path."""
    name = f"/{source_id}"
    return path[: -len(name)] or "/" if path.endswith(name) else os.path.dirname(path)  # noqa: PTH120


def missing_files(catalog: AppendOnlyTable) -> set[str]:
    """Return the paths of catalogued files that are not where they were; without those noted as gone."""
    table = _without_gone(catalog)
    rows = zip(table["path"].to_pylist(), table["media_id"].to_pylist(), strict=True)
    return {path for path, media_id in rows if _is_missing(path, media_id)}


def _without_gone(catalog: AppendOnlyTable) -> pa.Table:
    table = catalog.read(["path", "source_id", "media_id", "gone"])
    return table.filter(pc.invert(pc.fill_null(table["gone"], False)))


def leave_out_gone(catalog: AppendOnlyTable, missing: Collection[str]) -> list[tuple[str, str | None]]:
    """Note in the catalog which of the missing files are gone; return their source ids and hashes.

    A file is gone if its bytes lie elsewhere by now, if it was alone in its folder, or if other files are in
    its folder, or where that is gone in the one around it. Else an empty folder or none is left, as of a disk
    that is not mounted; nothing is noted of that.

    Args:
        catalog: The workspace's catalog.
        missing: Paths, as of `missing_files`.
    """
    if not missing:
        return []
    table = _without_gone(catalog)
    lost = pc.is_in(table["path"], pa.array(sorted(missing), pa.string()))
    rows = table.filter(lost).to_pylist()
    living = set(table.filter(pc.invert(lost))["media_id"].to_pylist()) - {None}
    left = {row["path"]: _folder_left(row["path"], row["source_id"]) for row in rows}
    alone = {folder for folder, files in Counter(left.values()).items() if files == 1}
    held = {folder for folder in left.values() if folder and (folder in alone or _holds_any(folder))}
    gone = [row for row in rows if left[row["path"]] in held or row["media_id"] in living]
    if gone:
        known = catalog.read(CATALOG_COLUMNS.names)
        chosen = known.filter(pc.is_in(known[KEY], pa.array([row[KEY] for row in gone], pa.string())))
        catalog.append([row | {"gone": True} for row in chosen.to_pylist()])
    return [(row["source_id"], row["media_id"]) for row in gone]


def describe_gone(
    catalog: AppendOnlyTable, gone: Sequence[tuple[str, str | None]], *, whole: bool
) -> Iterator[str]:
    """Yield a line about files that lie under another name by now, and one about those that are nowhere.

    Args:
        catalog: The workspace's catalog, in which they are noted as gone and the files of now are entered.
        gone: As of `leave_out_gone`.
        whole: Sources were given, in which files with other names were looked for.
    """
    table = _without_gone(catalog).sort_by([("path", "descending")])
    places = dict(zip(table["media_id"].to_pylist(), table["path"].to_pylist(), strict=True))
    renamed = sorted((name, places[media]) for name, media in gone if media and media in places)
    if renamed:
        one = len(renamed) == 1
        yield (
            f"{count(len(renamed), 'file')} of the catalog {'lies' if one else 'lie'} elsewhere now (first: "
            f"{renamed[0][0]} as {renamed[0][1]}) and {'goes' if one else 'go'} on"
        )
    if lost := sorted(name for name, media in gone if not media or media not in places):
        one = len(lost) == 1
        yield (
            f"{count(len(lost), 'file')} of the catalog {'is' if one else 'are'} no longer there (first: "
            f"{lost[0]}) and left out; put back, {'it goes' if one else 'they go'} on"
            + ("" if whole else "; under another name, once its folder is given as SOURCE")
        )


def _folder_left(path: str, source_id: str) -> Path | None:
    """Return the nearest folder around a missing file that is there; None where its source is not."""
    source = Path(_folder(path, source_id))
    around = (folder for folder in Path(path).parents if folder.is_relative_to(source))
    return next((folder for folder in around if folder.is_dir()), None)


def former_files(catalog: AppendOnlyTable, missing: Collection[str]) -> dict[str, list[FoundFile]]:
    """Return the files that are gone or missing, by the hash of their bytes; those without one by "".

    Args:
        catalog: The workspace's catalog.
        missing: Paths, as of `missing_files`.
    """
    table = catalog.read(["path", "source_id", "media_id", "gone"])
    former = pc.or_kleene(table["gone"], pc.is_in(table["path"], pa.array(sorted(missing), pa.string())))
    found: dict[str, list[FoundFile]] = {}
    for row in table.filter(former).sort_by("path").to_pylist():
        found.setdefault(row["media_id"] or "", []).append(FoundFile(Path(row["path"]), row["source_id"]))
    return found


def _is_missing(path: str, media_id: str | None) -> bool:
    """Tell whether a file is not there; one that the machine refuses to look at is.

    One that could never be read is there as long as its name is: a link that leads nowhere, or a name that is
    not UTF-8, which the catalog holds with its bytes written out.
    """
    if media_id is not None:
        return not _is_there(path, follow_symlinks=True)
    bytes_of = _BYTE.sub(lambda byte: bytes.fromhex(byte[1].decode()), path.encode())
    return not any(_is_there(name, follow_symlinks=False) for name in {path.encode(), bytes_of})


def _is_there(path: str | bytes, *, follow_symlinks: bool) -> bool:
    try:
        os.stat(path, follow_symlinks=follow_symlinks)  # noqa: PTH116 - a look at every file of the catalog
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


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
