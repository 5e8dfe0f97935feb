"""Media files that stages write: size and hash stand in the row that names a file, and are checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from leitmotif.storage.digest import sha256_of
from leitmotif.storage.parquet import DamagedError

# Of a stage that writes a file for each clip; `file` is relative to the workspace.
FILE_COLUMNS = [("file", pa.string()), ("size_bytes", pa.int64()), ("sha256", pa.string())]
_CHANGED = "its contents are not those that were written"


def describe_file(workspace: Path, path: Path) -> dict[str, Any]:
    """Return the columns of a file that a stage wrote, for the row that names it."""
    return {
        "file": path.relative_to(workspace).as_posix(),
        "size_bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }


def check_file(workspace: Path, row: Mapping[str, Any]) -> Path:
    """Return the file that a row names, once it is seen to be the one that was written.

    Args:
        workspace: Folder that the file's name is relative to.
        row: Has `file`, and what is known of `size_bytes` and `sha256`: older rows have no hash.

    Raises:
        DamagedError: It is missing, or another file than it was.
        OSError: The machine refused.
    """
    path = workspace / str(row["file"])
    try:
        found = path.stat().st_size
        _compare_sizes(path, found, row)
        if row.get("sha256") is not None and sha256_of(path) != row["sha256"]:
            raise DamagedError(path, _CHANGED)
    except FileNotFoundError as error:
        raise DamagedError(path, "it is missing") from error
    return path


def read_file(workspace: Path, row: Mapping[str, Any]) -> bytes:
    """Return the content of the file that a row names; arguments and errors are those of `check_file`."""
    path = workspace / str(row["file"])
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DamagedError(path, "it is missing") from error
    _compare_sizes(path, len(content), row)
    if row.get("sha256") is not None and hashlib.sha256(content).hexdigest() != row["sha256"]:
        raise DamagedError(path, _CHANGED)
    return content


def _compare_sizes(path: Path, found: int, row: Mapping[str, Any]) -> None:
    expected = row.get("size_bytes")
    if expected is not None and found != expected:
        raise DamagedError(path, f"{found} bytes, expected {expected}")
