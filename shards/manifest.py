"""The manifest of a dataset: every file with its hash, and the counts that must add up. Written last."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from leitmotif.phrases import count as count_of
from leitmotif.phrases import no_such_folder
from leitmotif.shards.errors import DatasetError
from leitmotif.storage import parquet
from leitmotif.storage.atomic import write_text
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.documents import read_object
from leitmotif.storage.errors import OutsideError, is_machine_fault, one_line
from leitmotif.storage.parquet import DamagedError, naming_damage

MANIFEST = "manifest.json"
VERSION = 1

# What a manifest says of a file: `sha256`, `size_bytes`, and `rows` where it is Parquet.
Facts = dict[str, Any]


def write_manifest(
    folder: Path, counts: Mapping[str, Any], *, stated: Mapping[str, Facts | None] | None = None
) -> None:
    """Note the counts, and every file of a dataset folder with its hash.

    Args:
        folder: The finished folder.
        counts: `catalogued`, `kept`, `rejected`, `quarantined`, and `rows` by split.
        stated: Facts of files that were there before and were not written anew, by their paths: they stand as
            they are, so that what is damaged or missing does not become right by being hashed. None of a file
            that no manifest knew.
    """
    stated = {} if stated is None else stated
    files = {
        name: describe(folder / name)
        for path in _files(folder)
        if (name := path.relative_to(folder).as_posix()) not in stated
    }
    _write(folder, counts, files | {name: facts for name, facts in stated.items() if facts is not None})


def note_written(folder: Path, written: Iterable[Path], *, dropped: Iterable[Path] = ()) -> None:
    """Bring a manifest up to date for files that were written into a dataset, and for no others.

    Args:
        folder: The dataset.
        written: Files in it that were written.
        dropped: Files that were deleted.

    Raises:
        DatasetError: The manifest cannot be read.
    """
    manifest = read_manifest(folder)
    names = {path.relative_to(folder).as_posix() for path in dropped}
    files = {name: facts for name, facts in manifest["files"].items() if name not in names}
    files |= {path.relative_to(folder).as_posix(): describe(path) for path in written}
    _write(folder, manifest["counts"], files)


def _write(folder: Path, counts: Mapping[str, Any], files: Mapping[str, Facts]) -> None:
    ordered = {name: files[name] for name in sorted(files, key=PurePosixPath)}
    text = json.dumps({"version": VERSION, "counts": dict(counts), "files": ordered}, indent=1)
    write_text(folder / MANIFEST, text + "\n")


def describe(path: Path) -> Facts:
    """Return a file's SHA-256, its size, and its rows where it is Parquet."""
    facts: Facts = {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    if path.suffix == ".parquet":
        facts["rows"] = parquet.read_metadata(path).num_rows
    return facts


def find_changes(folder: Path, files: Mapping[str, Facts]) -> Iterator[tuple[str, str]]:
    """Yield the name of each file that is not as a manifest states it, and what is wrong with it, in a line.

    Args:
        folder: The dataset.
        files: Facts of files by their paths, as of a manifest.

    Raises:
        OutsideError: The machine refused to read.
    """
    for name, expected in files.items():
        if said := _change_of(folder / name, expected):
            yield name, f"{name}: {said}"


def _change_of(path: Path, expected: Facts) -> str | None:
    if not path.is_file():
        return "missing"
    try:
        size_bytes = path.stat().st_size
        if size_bytes != expected["size_bytes"]:
            return f"{size_bytes} bytes, expected {expected['size_bytes']}"
        if sha256_of(path) != expected["sha256"]:
            return f"its contents changed (SHA-256 is no longer {expected['sha256'][:12]}…)"
        with naming_damage(path):
            rows = parquet.read_metadata(path).num_rows if path.suffix == ".parquet" else None
    except DamagedError as error:
        return f"cannot be read ({error.reason})"
    except OSError as error:
        if is_machine_fault(error):
            raise OutsideError(f"{one_line(error)} while reading {str(path)!r}; run again") from error
        return f"cannot be read ({one_line(error)})"
    if rows != expected.get("rows"):
        return f"{count_of(rows or 0, 'row')}, expected {expected.get('rows')}"
    return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a dataset: its `version`, its `counts`, and facts of its `files` by their paths.

    Raises:
        DatasetError: The folder is no dataset of this kind.
    """
    try:
        manifest = read_object(folder / MANIFEST)
        if said := _lacking(manifest):
            raise ValueError(said)
    except (OSError, ValueError) as error:
        if not folder.exists():
            said = no_such_folder(folder, MANIFEST)
        else:
            said = (isinstance(error, OSError) and error.strerror) or one_line(error)
        raise DatasetError(
            f"{str(folder)!r} has no readable {MANIFEST} ({said}); give a folder "
            "that `leitmotif publish` wrote"
        ) from error
    return manifest


def _lacking(manifest: Mapping[str, Any]) -> str | None:
    """Return what a manifest lacks that all who read it rely on; None where all is there."""
    counts, files = manifest.get("counts"), manifest.get("files")
    if not isinstance(counts, dict) or not isinstance(counts.get("rows", {}), dict):
        return "its counts are not numbers by name"
    numbers = [value for name, value in counts.items() if name != "rows"] + [*counts.get("rows", {}).values()]
    if not all(map(_is_count, numbers)):
        return "its counts are not whole numbers from 0 on"
    if not isinstance(files, dict):
        return f"its files are {_named(files)}, expected facts by name"
    for name, facts in files.items():
        if not _is_inside(name):
            return f"{name!a} names no file of the folder"
        if not isinstance(facts, dict) or not isinstance(facts.get("sha256"), str):
            return f"it has no SHA-256 of {name!r}"
        sizes = ("size_bytes", "rows") if name.endswith(".parquet") else ("size_bytes",)
        if not all(_is_count(facts.get(size)) for size in sizes):
            return f"it has no {' and '.join(sizes)} of {name!r}"
    return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_inside(name: str) -> bool:
    """Tell whether a name is that of a file below a folder, in the only spelling that we write."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    path = PurePosixPath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return inside and "\0" not in name and path.as_posix() == name


def _named(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def read_counts(folder: Path) -> dict[str, Any]:
    """Return the counts of a dataset's manifest.

    Raises:
        DatasetError: The folder is no dataset of this kind.
    """
    return dict(read_manifest(folder)["counts"])
