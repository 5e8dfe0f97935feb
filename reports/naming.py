"""What a page calls a clip: a title or a file, which people know, rather than a hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def name_of(row: Mapping[str, Any]) -> str:
    """Return what people call a clip.

    Args:
        row: The clip's row, of which the name is `title`, else `source` (its file below the common folder),
            else `source_id` (its name in the folder it was found in), else `clip_id`; what is missing, null
            or blank is passed over.
    """
    for key in ("title", "source", "source_id", "clip_id"):
        if text := str(row.get(key) or "").strip():
            return text
    return "without a name"


def moment_text(time_s: float) -> str:
    """Write a moment as players do, with tenths: 1:05.2."""
    tenths = round(time_s * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else str(minutes)
    return f"{clock}:{rest // 10:02d}.{rest % 10}"
