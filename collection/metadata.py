"""What is known of a media file, and which of several sources is believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leitmotif.shards.licenses import UNKNOWN_LICENSE


@dataclass(frozen=True)
class Metadata:
    """What is known of a source; every field may be missing but `license`, which then is "unknown".

    Attributes:
        title: Name of the song, else of the video.
        artist: Who plays, else (see `merged`) who uploaded it.
        description: The uploader's words.
        comments: The ten best: pinned ones, then the most liked; no replies.
        source_url: Page that it came from.
        license: Licence in the source's words.
        retrieved_at: When it was fetched.
        uploader: Who uploaded it.
        start_s: Where the wanted window begins in the source, in seconds.
        end_s: Where it ends.
        source_id: Names the source among all: `SITE:ID`, or what windows of one file have in common.
        isrc: International Standard Recording Code.
        recording_id: MusicBrainz's id of the recording.
        duration_s: Length of the file.
    """

    title: str | None = None
    artist: str | None = None
    description: str | None = None
    comments: tuple[str, ...] = ()
    source_url: str | None = None
    license: str = UNKNOWN_LICENSE
    retrieved_at: datetime | None = None
    uploader: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    source_id: str | None = None
    isrc: str | None = None
    recording_id: str | None = None
    duration_s: float | None = None


_NOTHING = vars(Metadata())


def merged(*parts: Metadata) -> Metadata:
    """Return what several sources know together, as `filled` has it.

    Where none of them names an artist, the uploader stands in for one.

    Args:
        parts: Most trusted first.
    """
    found = filled(*parts)
    return replace(found, artist=found.artist or found.uploader)


def filled(*parts: Metadata) -> Metadata:
    """Return of each field what the first of several says that says anything.

    Args:
        parts: Most trusted first.
    """
    known: dict[str, Any] = {}
    for part in reversed(parts):
        known |= {name: value for name, value in vars(part).items() if value != _NOTHING[name]}
    return Metadata(**known)
