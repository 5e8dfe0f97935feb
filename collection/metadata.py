"""What a video site says of a file: the `.info.json` beside it, with yt-dlp's names of fields."""

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
    """What is known of a source; every field may be missing but `license`, which then is "unknown".

    Attributes:
        title: Name of the song, else of the video.
        artist: Who plays, else who uploaded it.
        description: The uploader's words.
        comments: The first ten.
        source_url: Page that it came from.
        license: As the source words it.
        retrieved_at: When it was fetched.
        uploader: Who uploaded it.
        start_s: Where the wanted window begins in the source, in seconds.
        end_s: Where it ends.
        source_id: Names the source among all: `SITE:ID`, or what windows of one file have in common.
        isrc: International Standard Recording Code.
        recording_id: MusicBrainz's id of the recording.
        duration_s: Length of the file.
    """

    model_config = ConfigDict(frozen=True)

    title: str | None = None
    artist: str | None = None
    description: str | None = None
    comments: tuple[str, ...] = ()
    source_url: str | None = None
    license: str = "unknown"
    retrieved_at: datetime | None = None
    uploader: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    source_id: str | None = None
    isrc: str | None = None
    recording_id: str | None = None
    duration_s: float | None = None


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
        return metadata_of(info)
    except (OSError, ValueError, TypeError, AttributeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        log.warning("%s: metadata passed over (%s); expected a yt-dlp info.json", sidecar, reason)
        return Metadata()


def metadata_of(info: dict[str, Any]) -> Metadata:
    """Return the fields of an `.info.json` that are used here.

    Raises:
        ValidationError: A field is of another type.
    """
    return Metadata.model_validate(_fields(info))


def _fields(info: dict[str, Any]) -> dict[str, Any]:
    comments = [
        entry.get("text") if isinstance(entry, dict) else entry for entry in info.get("comments") or []
    ]
    epoch = info.get("epoch")
    found = info.get("enrichments") or {}
    shazam, musicbrainz = found.get("shazam") or {}, found.get("musicbrainz") or {}
    return {
        "title": info.get("track") or musicbrainz.get("title") or shazam.get("title") or info.get("title"),
        "artist": info.get("artist")
        or musicbrainz.get("artist")
        or shazam.get("artist")
        or info.get("creator")
        or info.get("uploader")
        or info.get("channel"),
        "description": info.get("description"),
        "comments": [text for text in comments if isinstance(text, str) and text.strip()][:MAX_COMMENTS],
        "source_url": info.get("webpage_url") or info.get("original_url"),
        "license": info.get("license") or "unknown",
        "retrieved_at": datetime.fromtimestamp(epoch, UTC) if isinstance(epoch, int | float) else None,
        "uploader": info.get("uploader") or info.get("channel"),
        "start_s": info.get("section_start"),
        "end_s": info.get("section_end"),
        "source_id": (info.get("leitmotif") or {}).get("source_id"),
        "isrc": info.get("isrc") or shazam.get("isrc") or next(iter(musicbrainz.get("isrcs") or ()), None),
        "recording_id": musicbrainz.get("recording_id"),
        "duration_s": info.get("duration"),
    }


# What is kept of a site's own fields, and how many letters of each at most.
_TEXTS = (
    *(
        "id",
        "title",
        "track",
        "artist",
        "creator",
        "album",
        "uploader",
        "uploader_id",
        "channel",
        "channel_id",
    ),
    *("license", "webpage_url", "original_url", "extractor", "upload_date", "language", "availability"),
)
_NUMBERS = ("duration", "view_count", "like_count", "age_limit", "release_year", "epoch")
_LISTS = ("categories", "tags")
_MAX_TEXT, _MAX_DESCRIPTION, _MAX_LIST = 1000, 20_000, 50


def sidecar_fields(
    info: dict[str, Any],
    *,
    artist: str | None = None,
    title: str | None = None,
    isrc: str | None = None,
    window_s: tuple[float | None, float | None] = (None, None),
    labels: tuple[str, ...] = (),
    retrieved_at: datetime,
) -> dict[str, Any]:
    """Choose what is written beside a fetched file: named fields of plain types, each bounded.

    Args:
        info: yt-dlp's fields, which may hold anything.
        artist: Who plays, where the source of the item knows; it is nearer to the truth than the uploader.
        title: Name of the song, likewise.
        isrc: Its International Standard Recording Code, likewise.
        window_s: Wanted window of the source.
        labels: What the source of the item says of its content.
        retrieved_at: When it was fetched.

    Returns:
        A JSON object that `read_metadata` reads; `license` is always there.
    """
    kept: dict[str, Any] = {
        name: info[name][:_MAX_TEXT] for name in _TEXTS if isinstance(info.get(name), str) and info[name]
    }
    kept |= {
        name: info[name]
        for name in _NUMBERS
        if isinstance(info.get(name), int | float) and not isinstance(info[name], bool)
    }
    for name in _LISTS:
        words = info.get(name)
        if isinstance(words, list):
            kept[name] = [word[:_MAX_TEXT] for word in words if isinstance(word, str)][:_MAX_LIST]
    if isinstance(info.get("description"), str):
        kept["description"] = info["description"][:_MAX_DESCRIPTION]
    comments = info.get("comments")
    if isinstance(comments, list):
        texts = [entry.get("text") for entry in comments if isinstance(entry, dict)]
        kept["comments"] = [
            {"text": text[:_MAX_TEXT]} for text in texts if isinstance(text, str) and text.strip()
        ][:MAX_COMMENTS]
    kept["artist"] = artist or kept.get("artist")
    kept["track"] = title or kept.get("track")
    kept["isrc"] = isrc
    kept["section_start"], kept["section_end"] = window_s
    kept["labels"] = list(labels)
    kept.setdefault("license", "unknown")
    kept["epoch"] = int(retrieved_at.timestamp())
    return {name: value for name, value in kept.items() if value is not None and value != []}
