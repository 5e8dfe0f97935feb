"""The `.info.json` beside a media file, with yt-dlp's names of fields: found, read and written."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leitmotif.collection.fields import MAX_DESCRIPTION, MAX_TEXT, Fields
from leitmotif.collection.metadata import Metadata
from leitmotif.shards.addresses import without_secrets
from leitmotif.shards.licenses import UNKNOWN_LICENSE
from leitmotif.shards.texts import encodable
from leitmotif.storage.errors import first_line

logger = logging.getLogger("leitmotif.collection")

MAX_COMMENTS = 10
# With all comments of a famous video such a file has some 100 MB.
MAX_BYTES = 1 << 28
# Far more than such a file has; lists of nothing fill a memory thirty times as large as the file.
MAX_VALUES = 10_000_000
# The year 2100: what is later was no time of fetching, but milliseconds, or a slip.
_LAST_EPOCH_S = 4_102_444_800
_LONGEST_S = 1e7
# More digits than that are no number of anything, and slow to read.
_MOST_DIGITS = 300


def find_sidecar(path: Path) -> Path | None:
    """Return a media file's `NAME.info.json` or `NAME.EXT.info.json`, if there is one."""
    for candidate in (path.with_suffix(".info.json"), path.with_name(path.name + ".info.json")):
        # (Path.is_file raises where the longer name is too long for the disk.)
        if os.path.isfile(candidate):  # noqa: PTH113
            return candidate
    return None


def read_metadata(sidecar: Path) -> Metadata:
    """Read a metadata file; one that is of no use is logged and counts as empty.

    Args:
        sidecar: A JSON object with yt-dlp's field names, in UTF-8, UTF-16 or UTF-32.

    Returns:
        The fields that are there and make sense.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        return metadata_of(load_sidecar(sidecar), where=sidecar)
    except ValueError as error:
        logger.warning("%s: metadata passed over (%s); expected a yt-dlp info.json", sidecar, error)
        return Metadata()


def load_sidecar(sidecar: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        ValueError: There is none; the text says why, in one line.
        OSError: The file cannot be read.
    """
    size_bytes = sidecar.stat().st_size
    if size_bytes > MAX_BYTES:
        raise ValueError(f"it has {size_bytes} bytes, the limit is {MAX_BYTES}")
    try:
        # (Not strict: a line break within a text is what tools leave that write JSON by hand.)
        info = json.loads(_decoded(sidecar), parse_int=_whole_number, strict=False)
    except RecursionError as error:
        raise ValueError("lists lie in lists too deep") from error
    except ValueError as error:
        raise ValueError(first_line(error)) from error
    if not isinstance(info, dict):
        raise ValueError(f"it holds a {type(info).__name__}")
    return info


def _decoded(sidecar: Path) -> str:
    """Return the text of a file, with U+FFFD for bytes that are no text: a letter cut in two, Latin-1."""
    content = sidecar.read_bytes()
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ValueError(f"it holds more than {MAX_VALUES:,} values")
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        text = content.decode(encoding, "replace")
        logger.warning("%s: some letters are no %s and are read as U+FFFD", sidecar, encoding.upper())
    return text.strip("\ufeff\0 \t\r\n")


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def metadata_of(info: dict[str, Any], *, where: Path | str = "an info.json") -> Metadata:
    """Return the fields of an `.info.json` that are used here; one that is of another form is logged.

    Args:
        info: The JSON object.
        where: What it is called in the log.
    """
    said = Fields(info)
    shazam, musicbrainz = (said.object("enrichments").object(name) for name in ("shazam", "musicbrainz"))
    epoch_s = said.number("epoch", most=_LAST_EPOCH_S)
    metadata = Metadata(
        title=said.text("track") or musicbrainz.text("title") or shazam.text("title") or said.text("title"),
        artist=said.text("artist", "artists")
        or musicbrainz.text("artist")
        or shazam.text("artist")
        or said.text("creator", "creators"),
        description=said.text("description", most=MAX_DESCRIPTION),
        comments=best_comments(said.list("comments")),
        source_url=said.address("webpage_url", "original_url"),
        license=said.text("license") or UNKNOWN_LICENSE,
        retrieved_at=None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC),
        uploader=said.text("uploader", "channel"),
        start_s=said.number("section_start", most=_LONGEST_S),
        end_s=said.number("section_end", most=_LONGEST_S),
        source_id=said.object("leitmotif").text("source_id"),
        isrc=said.text("isrc") or shazam.text("isrc") or musicbrainz.first_text("isrcs"),
        recording_id=musicbrainz.text("recording_id"),
        duration_s=said.number("duration", most=_LONGEST_S),
    )
    if said.odd:
        logger.warning("%s: passed over %s; the other fields are used", where, ", ".join(said.odd))
    return metadata


def best_comments(entries: list[Any]) -> tuple[str, ...]:
    """Choose the ten best comments of a video: pinned ones, then the most liked; of equals the earlier.

    Replies (`parent` is not `root`) are left out: they answer a comment and say nothing of the video.

    Args:
        entries: Yt-dlp's comments, or texts.
    """
    ranked = []
    for entry in entries:
        said = Fields(entry if isinstance(entry, dict) else {"text": entry})
        text = said.text("text")
        if text is not None and said.text("parent") in (None, "root"):
            pinned = isinstance(entry, dict) and entry.get("is_pinned") is True
            ranked.append((not pinned, -(said.number("like_count", most=1e12) or 0.0), text))
    ranked.sort(key=lambda rank: rank[:2])
    return tuple(text for _, _, text in ranked[:MAX_COMMENTS])


# What is kept of a site's own fields.
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
    *("license", "extractor", "upload_date", "language", "availability"),
)
_NUMBERS = ("duration", "view_count", "like_count", "age_limit", "release_year", "epoch")
_LISTS = ("categories", "tags")
_MAX_LIST = 50


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
        info: Yt-dlp's fields, which may hold anything.
        artist: Who plays, where the source of the item knows; it is nearer to the truth than the uploader.
        title: Name of the song, where the source of the item knows.
        isrc: International Standard Recording Code of the song, where the source of the item knows.
        window_s: Wanted window of the source.
        labels: What the source of the item says of its content.
        retrieved_at: When it was fetched.

    Returns:
        A JSON object that `read_metadata` reads; `license` is always there.
    """
    said = Fields(info)
    kept: dict[str, Any] = {name: said.text(name) for name in _TEXTS}
    for name in ("id", "title"):  # of a page that is no site's, yt-dlp makes them from its address
        kept[name] = kept[name] and without_secrets(kept[name])
    kept |= {name: said.address(name) for name in ("webpage_url", "original_url")}
    kept |= {name: said.number(name, most=1e15) for name in _NUMBERS}
    for name in _LISTS:
        kept[name] = [word[:MAX_TEXT] for word in said.list(name) if isinstance(word, str)][:_MAX_LIST]
    kept["description"] = said.text("description", most=MAX_DESCRIPTION)
    kept["comments"] = [{"text": text} for text in best_comments(said.list("comments"))]
    kept["artist"] = artist or said.text("artist", "artists")
    kept["track"] = title or kept["track"]
    kept["isrc"] = isrc
    kept["section_start"], kept["section_end"] = window_s
    kept["labels"] = list(labels)
    kept["license"] = kept["license"] or UNKNOWN_LICENSE
    kept["epoch"] = int(retrieved_at.timestamp())
    return encodable({name: value for name, value in kept.items() if value is not None and value != []})
