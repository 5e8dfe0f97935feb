"""Places that somebody names for what is to be written: looked at before any work is done for it."""

from __future__ import annotations

import os
from pathlib import Path

from leitmotif.storage.errors import UserError


def check_place(out: Path) -> None:
    """Refuse a place where nothing can be made; nothing is written.

    Args:
        out: File or folder that is to be written beside and renamed; folders above it may be missing.

    Raises:
        UserError: Something above it is no folder, or may not be written to.
    """
    if reason := reason_against(out.absolute().parent):
        raise UserError(f"{str(out)!r} cannot be written ({reason}); choose another --out")


def reason_against(folder: Path) -> str | None:
    """Return why nothing can be made in a folder, which may be missing itself; None if it can."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        return f"{str(there)!r} is no folder"
    return None if os.access(there, os.W_OK | os.X_OK) else "no permission"
