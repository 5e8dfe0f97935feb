"""The manifest of a dataset: every file with its hash, and the counts that must add up. Written last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from leitmotif.phrases import no_such_folder
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.atomic import write_text
from leitmotif.storage.digest import sha256_of

MANIFEST = "manifest.json"
VERSION = 1


def write_manifest(folder: Path, counts: Mapping[str, Any]) -> None:
    """Hash every file of a dataset folder and note the counts.

    Args:
        folder: The finished folder.
        counts: `catalogued`, `kept`, `rejected`, `quarantined`, and `rows` by split.
    """
    files = {path.relative_to(folder).as_posix(): describe(path) for path in _files(folder)}
    text = json.dumps({"version": VERSION, "counts": dict(counts), "files": files}, indent=1)
    write_text(folder / MANIFEST, text + "\n")


def describe(path: Path) -> dict[str, Any]:
    """Return a file's SHA-256, its size, and its rows where it is Parquet."""
    facts: dict[str, Any] = {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    if path.suffix == ".parquet":
        facts["rows"] = pq.read_metadata(path).num_rows
    return facts


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a dataset: its `version`, its `counts`, and facts of its `files` by their paths.

    Raises:
        DatasetError: The folder is no dataset of this kind.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for file, facts in manifest["files"].items():
            for name in ("sha256", "size_bytes", *(["rows"] if file.endswith(".parquet") else [])):
                facts[name]  # a KeyError names what is missing
        manifest["counts"].keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        lacking = "" if folder.exists() else f" ({no_such_folder(folder, MANIFEST)})"
        raise DatasetError(
            f"{str(folder)!r} has no readable {MANIFEST}{lacking}; "
            "give a folder that `leitmotif publish` wrote"
        ) from error
    return manifest


def read_counts(folder: Path) -> dict[str, Any]:
    """Return the counts of a dataset's manifest.

    Raises:
        DatasetError: The folder is no dataset of this kind.
    """
    return dict(read_manifest(folder)["counts"])
