"""What a source asks for: one file each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from leitmotif.shards.addresses import without_secrets, without_user


@dataclass(frozen=True)
class Request:
    """One file to fetch: by its address, or by a search for a song.

    Attributes:
        url: Address of a media file or of a page that yt-dlp knows; None for a search.
        artist: Who plays; for a search, and for the metadata where the page does not say.
        title: Name of the song, likewise.
        start_s: Where the wanted window begins in the source, None for all of it.
        end_s: Where it ends.
        duration_s: How long the song is, where the source says; a found video is compared with it.
        entry: Number of the video on a page that holds several, from 1.
        labels: What the source says of the content, such as AudioSet's classes.
        isrc: International Standard Recording Code of the song, where the source knows it.
        source: The source that asks, for the record.
    """

    url: str | None = None
    artist: str | None = None
    title: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    duration_s: float | None = None
    entry: int | None = None
    labels: tuple[str, ...] = ()
    isrc: str | None = field(default=None, compare=False)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Forget user and password of an address, which are never sent."""
        if self.url is not None:
            object.__setattr__(self, "url", without_user(self.url))
        object.__setattr__(self, "source", without_secrets(self.source))

    @cached_property
    def key(self) -> str:
        """The item's identity: a hash of what is asked for, whoever asks."""
        return _hash([*self._asked_for, self.start_s, self.end_s, self.entry])

    @cached_property
    def source_key(self) -> str:
        """The identity of what is fetched for the item: windows of one source have it in common."""
        return self.key if self.end_s is None else _hash(["windows", *self._asked_for, self.entry])

    @property
    def _asked_for(self) -> list[object]:
        return [self.url] if self.url else ["search", _folded(self.artist), _folded(self.title)]

    @property
    def name(self) -> str:
        """Return the item as a person would call it, without secrets."""
        return without_secrets(self.url) if self.url else f"{self.artist} - {self.title}"


class Source(Protocol):
    """Where wanted items come from; one file each in this folder."""

    def requests(self) -> Iterator[Request]:
        """Yield the items, in a fixed order, without holding all of them.

        Raises:
            UserError: The source cannot be read.
        """


def _hash(what: list[object]) -> str:
    return hashlib.blake2b(json.dumps(what).encode(), digest_size=16).hexdigest()


def _folded(text: str | None) -> str:
    return " ".join((text or "").casefold().split())
