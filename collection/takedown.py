"""What was taken down and is never fetched again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leitmotif.collection.errors import Refused, TakenDown
from leitmotif.shards.addresses import without_secrets
from leitmotif.shards.takedown import read_record
from leitmotif.shards.texts import encodable
from leitmotif.shards.urls import canonical_url

_HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
_YOUTUBE = re.compile(r"^//youtube\.com/watch\?(?:.*&)?v=([A-Za-z0-9_-]{11})(?:&|$)")


def normal_id(identity: str) -> str:
    """Return the one form of an id in which it is compared.

    All spellings of a page's address have one (`canonical_url`), and a hash is in lower case. Ids of sites
    are kept as they are: they tell `a` from `A`.
    """
    text = identity.strip()
    return text.lower() if _HASH.fullmatch(text) else canonical_url(text)


def ids_in(url: str) -> tuple[str, ...]:
    """Return the ids in an address: the address itself, and the id of a YouTube video."""
    if found := _YOUTUBE.search(canonical_url(url)):
        return (url, found[1], f"youtube:{found[1]}")
    return (url,)


def site_id(info: dict[str, Any]) -> str | None:
    """Return `SITE:ID` of a video, where a site gave it one."""
    site, identity = info.get("extractor"), info.get("id")
    if not isinstance(site, str) or not isinstance(identity, str) or site.startswith("generic"):
        return None
    return encodable(without_secrets(f"{site.lower()}:{identity}")[:200])


def ids_of(info: dict[str, Any]) -> tuple[str | None, ...]:
    """Return what yt-dlp's fields of a video say of its identity: ids and addresses."""
    urls = (info.get(name) for name in ("webpage_url", "original_url", "url"))
    return (
        info.get("id"),
        site_id(info),
        *(name for url in urls if isinstance(url, str) for name in ids_in(url)),
    )


@dataclass(frozen=True)
class TakedownList:
    """What may not be fetched.

    Attributes:
        reasons: Why, by the normal form of an id.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything on the list."""
        return bool(self.reasons)

    def names(self, *ids: str | None) -> bool:
        """Tell whether one of some ids is on the list; None is passed over."""
        return any(identity and normal_id(identity) in self.reasons for identity in ids)

    def refuse(self, *ids: str | None) -> None:
        """Let pass what is not on the list.

        Args:
            ids: Addresses, ids of sites (`ID` or `SITE:ID`), hashes of media in hex; None is passed over.

        Raises:
            TakenDown: One of them is on it.
        """
        for identity in ids:
            if identity and (name := normal_id(identity)) in self.reasons:
                reason = self.reasons[name]
                raise TakenDown(f"taken down{f' ({reason})' if reason else ''}")

    def refuse_file(self, path: Path, sha256: str) -> None:
        """Let pass a file whose hashes (SHA-256, and BLAKE2b of 128 bits as in catalogs) are not on the list.

        Raises:
            Refused: One of them is on it.
        """
        if not self:
            return
        with path.open("rb") as file:
            media_id = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        try:
            self.refuse(sha256, media_id)
        except TakenDown as error:
            # Its address is another than the one on record; to note it saves fetching it again.
            raise Refused(str(error)) from error


def read_takedowns(folder: Path) -> TakedownList:
    """Read the takedown record of a collected folder.

    Args:
        folder: The folder that files are collected into.

    Returns:
        The list; empty where there is no record.

    Raises:
        UserError: The record cannot be opened; nothing is fetched as long as that is so.
        OutsideError: The disk failed.
    """
    reasons: dict[str, str] = {}
    for removal in read_record(folder):
        hashes = (*removal.media_ids, *removal.clip_ids, *removal.items)
        for identity in (*hashes, *removal.urls, *removal.source_ids):
            reasons |= dict.fromkeys(map(normal_id, ids_in(identity)), removal.reason[:300])
    return TakedownList(reasons)
