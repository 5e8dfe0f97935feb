"""What was taken down and is never fetched again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collection.folder import SourceError
from collection.refusals import Refused
from shards.addresses import canonical_url

LIST = "takedown.jsonl"
_KINDS = ("urls", "media_ids", "items", "source_ids", "clip_ids")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
_YOUTUBE = re.compile(r"^//youtube\.com/watch\?(?:.*&)?v=([A-Za-z0-9_-]{11})(?:&|$)")


def normal_id(identity: str) -> str:
    """Return the one form of an id in which it is compared.

    All spellings of a page's address have one (`canonical_url`), and a hash is in lower case. Ids of sites
    are kept as they are: they tell `a` from `A`.
    """
    text = identity.strip()
    return text.lower() if _HASH.fullmatch(text) else canonical_url(text)


def digest_of(identity: str) -> str:
    """Return what stands for an id on the list: the SHA-256 of its normal form, in hex."""
    return hashlib.sha256(normal_id(identity).encode(errors="surrogateescape")).hexdigest()


def ids_in(url: str) -> tuple[str, ...]:
    """Return what an address says of the identity of its content: itself, and the id of a YouTube video."""
    if found := _YOUTUBE.search(canonical_url(url)):
        return (url, found[1], f"youtube:{found[1]}")
    return (url,)


@dataclass(frozen=True)
class TakedownList:
    """What may not be fetched.

    Attributes:
        reasons: Why, by the digest of an id.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything on the list."""
        return bool(self.reasons)

    def refuse(self, *ids: str | None) -> None:
        """Let pass what is not on the list.

        Args:
            ids: Addresses, ids of sites (`ID` or `SITE:ID`), hashes of media in hex; None is passed over.

        Raises:
            Refused: One of them is on it.
        """
        for identity in ids:
            if identity and (digest := digest_of(identity)) in self.reasons:
                reason = self.reasons[digest]
                raise Refused(f"taken down{f' ({reason})' if reason else ''}")

    def refuse_file(self, path: Path, sha256: str) -> None:
        """Let pass a file whose hashes (SHA-256, and BLAKE2b of 128 bits as in catalogs) are not on the list.

        Raises:
            Refused: One of them is on it.
        """
        if not self:
            return
        with path.open("rb") as file:
            media_id = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        self.refuse(sha256, media_id)


def read_takedowns(folder: Path) -> TakedownList:
    """Read a collected folder's `takedown.jsonl`: one JSON object a line.

    It has `reason`, and either the `digest` of an id, or lists of ids under `urls`, `media_ids`, `items`
    (keys of the folder), `source_ids` and `clip_ids`, as `leitmotif takedown` writes them.

    Args:
        folder: The folder that files are collected into.

    Returns:
        The list; empty where there is no such file.

    Raises:
        SourceError: The file is something else; nothing is fetched as long as it cannot be read.
    """
    path = folder / LIST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return TakedownList()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{str(path)!r} cannot be read ({error}); nothing is fetched without it") from error
    reasons: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            digests = [entry["digest"].lower()] if "digest" in entry else _digests(entry)
            if not digests or not all(map(_SHA256.fullmatch, digests)):
                raise ValueError
        except (ValueError, TypeError, AttributeError):
            raise SourceError(
                f"line {number} of {str(path)!r} is {line[:60]!r}; expected a JSON object with `digest` "
                f"(64 hex digits) or lists of ids under {', '.join(_KINDS)}"
            ) from None
        reasons |= dict.fromkeys(digests, str(entry.get("reason") or "")[:300])
    return TakedownList(reasons)


def _digests(entry: Mapping[str, list[str]]) -> list[str]:
    ids = [identity for kind in _KINDS for identity in entry.get(kind, ())]
    return [digest_of(name) for identity in ids for name in ids_in(identity)]
