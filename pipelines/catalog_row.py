"""What the catalog holds of a file: what its source says of it, and the state in which it was entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

import pyarrow as pa

from leitmotif.shards.licenses import UNKNOWN_LICENSE

CATALOG_COLUMNS = pa.schema(
    [
        ("path", pa.string()),
        ("source_id", pa.string()),
        ("media_id", pa.string()),
        ("size_bytes", pa.int64()),
        ("modified_ns", pa.int64()),
        ("sidecar_modified_ns", pa.int64()),
        ("stated", pa.string()),
        ("title", pa.string()),
        ("artist", pa.string()),
        ("description", pa.string()),
        ("comments", pa.list_(pa.string())),
        ("source_url", pa.string()),
        ("license", pa.string()),
        ("retrieved_at", pa.timestamp("us", tz="UTC")),
        ("uploader", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("isrc", pa.string()),
        ("recording_id", pa.string()),
        ("entered_in", pa.int32()),  # the run that entered these bytes under this path first, from 0
        ("gone", pa.bool_()),  # it is no longer where it was, and counts as not catalogued until it is back
    ]
)

# The fields that say what a file is, rather than where it lies and in which state.
_SAID = ("title", "artist", "description", "source_url", "license", "uploader", "isrc", "recording_id")


@dataclass(frozen=True, slots=True)
class SourceState:
    """The state in which a readable file was catalogued: hash of its bytes, size, and time of its change."""

    media_id: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """A file of the catalog; a field that is not known is None.

    Attributes:
        path: The media file.
        source_id: What it is called within the folder that it was found in, or by its source.
        media_id: Hash of its bytes; None of a file that could not be read.
        size_bytes: Size of the file.
        modified_ns: When it was last changed, nanoseconds of the epoch.
        sidecar_modified_ns: When the file beside it was, that says what it is.
        stated: Mark of what was stated of it for the run (`leitmotif.pipelines.stated`).
        title: Title of the recording.
        artist: Who plays.
        description: Description of the page that it comes from.
        comments: The best comments of that page.
        source_url: Where it comes from.
        license: Licence of the file.
        retrieved_at: When it was fetched.
        uploader: Owner of the channel that it comes from.
        start_s: Where it starts in its source, if it is a window of it.
        end_s: Where it ends there.
        isrc: Code of the recording.
        recording_id: Id of the recording, of a database.
        entered_in: Number of the run that entered these bytes under this path first; None of a row of an
            older version.
    """

    path: str
    source_id: str
    media_id: str | None = None
    size_bytes: int | None = None
    modified_ns: int | None = None
    sidecar_modified_ns: int | None = None
    stated: str | None = None
    title: str | None = None
    artist: str | None = None
    description: str | None = None
    comments: list[str] | None = None
    source_url: str | None = None
    license: str | None = None
    retrieved_at: datetime | None = None
    uploader: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    isrc: str | None = None
    recording_id: str | None = None
    entered_in: int | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the row that the catalog gave; whatever else it holds is left out."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    @property
    def fields_known(self) -> int:
        """How many fields are known that say what the file is."""
        return sum(getattr(self, name) not in (None, UNKNOWN_LICENSE) for name in _SAID)

    @property
    def state(self) -> SourceState | None:
        """The state in which the file was catalogued; None of one that could not be read."""
        if self.media_id is None or self.size_bytes is None or self.modified_ns is None:
            return None
        return SourceState(self.media_id, self.size_bytes, self.modified_ns)
