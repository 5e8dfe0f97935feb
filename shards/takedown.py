"""The takedown record of a folder: what was removed from it, when and why, and is kept out from then on.

It is a JSON Lines file, one line for each removal, and the only place where the names of what was removed
still stand: without them nobody could tell that it must not come back, nor which rows of an older copy of a
dataset are to be deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from leitmotif.shards.urls import canonical_url
from leitmotif.storage.atomic import write_text
from leitmotif.storage.errors import UserError

RECORD = "takedown.jsonl"


@dataclass(frozen=True)
class Removal:
    """One source that was removed.

    Attributes:
        at: When, UTC, ISO 8601.
        reason: Why, in the words of whoever asked; "" where none was given.
        asked: The id that was given.
        media_ids: Hashes of the media bytes.
        clip_ids: Ids of the clips.
        source_ids: Names within the folder that the files were found in.
        urls: Pages that it came from.
        items: Keys of the items in a collected folder.
    """

    at: str = ""
    reason: str = ""
    asked: str = ""
    media_ids: tuple[str, ...] = ()
    clip_ids: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


class Blocklist:
    """What must not come in again."""

    def __init__(self, removals: Iterable[Removal]) -> None:
        self.ids: set[str] = set()
        self._urls: set[str] = set()
        for removal in removals:
            self.ids |= {*removal.media_ids, *removal.clip_ids, *removal.items}
            self._urls |= {canonical_url(url) for url in removal.urls}

    def __bool__(self) -> bool:
        """Tell whether anything is kept out."""
        return bool(self.ids or self._urls)

    def refuses(self, *, ids: Sequence[str | None] = (), urls: Sequence[str | None] = ()) -> bool:
        """Tell whether something must stay out.

        Args:
            ids: What is known of the media hash, the clip id and the key in a collected folder.
            urls: Addresses that it has or comes from, in any spelling.
        """
        if any(name in self.ids for name in ids):
            return True
        return bool(self._urls) and any(url and canonical_url(url) in self._urls for url in urls)


def read_record(folder: Path) -> list[Removal]:
    """Return what was removed from a folder, oldest first; nothing where there is no record.

    Raises:
        UserError: The record is not readable: nothing may come in until it is.
    """
    path = folder / RECORD
    if not path.is_file():
        return []
    removals = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            facts = json.loads(line)
            if not isinstance(facts, dict):
                raise TypeError
            known = {field.name: facts[field.name] for field in fields(Removal) if field.name in facts}
            lists = {name: tuple(map(str, value)) for name, value in known.items() if isinstance(value, list)}
            removal = Removal(**known | lists)
            if removal == Removal(removal.at, removal.reason, removal.asked):
                raise ValueError
            removals.append(removal)
        except (ValueError, TypeError) as error:
            raise UserError(
                f"line {number} of {str(path)!r} is no takedown; mend or restore the file, it says what must "
                "stay out"
            ) from error
    return removals


def write_record(folder: Path, removals: Iterable[Removal]) -> None:
    """Add removals to a folder's record, those that it lacks; whole or not at all."""
    known = set(read_record(folder))
    lines = [
        json.dumps(asdict(removal), ensure_ascii=False)
        for removal in dict.fromkeys(removals)
        if removal not in known
    ]
    if lines:
        path = folder / RECORD
        former = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        write_text(path, "\n".join([*former, *lines]) + "\n")
