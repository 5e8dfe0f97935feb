"""Read what a video site says of a file: the `.info.json` that yt-dlp writes beside it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

log = logging.getLogger("leitmotif.collection")

MAX_COMMENTS = 10


class Metadata(BaseModel):
    """What is known of a source; every field may be missing but `license`, which then is "unknown"."""

    model_config = ConfigDict(frozen=True)

    title: str | None = None
    artist: str | None = None
    description: str | None = None
    comments: tuple[str, ...] = ()
    source_url: str | None = None
    license: str = "unknown"
    retrieved_at: datetime | None = None


def find_sidecar(path: Path) -> Path | None:
    """Return a media file's `NAME.info.json` or `NAME.EXT.info.json`, if there is one."""
    for candidate in (path.with_suffix(".info.json"), path.with_name(path.name + ".info.json")):
        if candidate.is_file():
            return candidate
    return None


def read_metadata(sidecar: Path) -> Metadata:
    """Read a metadata file; one that cannot be used is logged and counts as empty.

    Args:
        sidecar: A JSON object with yt-dlp's field names.

    Returns:
        The fields that are there and make sense.
    """
    try:
        info = json.loads(sidecar.read_text(encoding="utf-8"))
        return Metadata.model_validate(_fields(info))
    except (OSError, ValueError, TypeError, AttributeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        log.warning("%s: metadata passed over (%s); expected a yt-dlp info.json", sidecar, reason)
        return Metadata()


def _fields(info: dict[str, Any]) -> dict[str, Any]:
    comments = [
        entry.get("text") if isinstance(entry, dict) else entry for entry in info.get("comments") or []
    ]
    epoch = info.get("epoch")
    return {
        "title": info.get("track") or info.get("title"),
        "artist": info.get("artist") or info.get("creator") or info.get("uploader") or info.get("channel"),
        "description": info.get("description"),
        "comments": [text for text in comments if isinstance(text, str) and text.strip()][:MAX_COMMENTS],
        "source_url": info.get("webpage_url") or info.get("original_url"),
        "license": info.get("license") or "unknown",
        "retrieved_at": datetime.fromtimestamp(epoch, UTC) if isinstance(epoch, int | float) else None,
    }
