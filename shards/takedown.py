"""The takedown record of a folder: what was removed from it, when and why, and is kept out from then on.

It is a JSON Lines file, one line for each removal, and the only place where the names of what was removed
still stand: without them nobody could tell that it must not come back, nor which rows of an older copy of a
dataset are to be deleted.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from json import JSONDecoder
from pathlib import Path
from typing import Any

from leitmotif.phrases import command
from leitmotif.shards.urls import canonical_url
from leitmotif.storage.atomic import write_bytes
from leitmotif.storage.errors import OutsideError, UserError, is_machine_fault
from leitmotif.storage.json_lines import line_of, read_lines

logger = logging.getLogger("leitmotif.shards")

RECORD = "takedown.jsonl"
# How the names of damaged records begin that were set aside; the rest is a hash of what is in them.
ASIDE = f"{RECORD}.damaged-"
_HASH = re.compile("[0-9a-f]{32}|[0-9a-f]{64}")


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

    @property
    def names_anything(self) -> bool:
        """Whether anything stays out because of it."""
        return self != Removal(self.at, self.reason, self.asked)


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


def read_record(folder: Path, *, on_damage: Callable[[str], None] | None = None) -> list[Removal]:
    """Return what was removed from a folder, oldest first; nothing where there is no record.

    Of a damaged record everything that is readable holds. One line is logged that names the file and the
    lines that are not; another for each damaged record that was set aside (`mend_record`).

    Args:
        folder: A workspace, a dataset or a collected folder.
        on_damage: Called with what is wrong with the record, instead of logging it.

    Raises:
        UserError: The file cannot be opened: nothing may come in until it can.
        OutsideError: The disk failed.
    """
    path = folder / RECORD
    found = _read(path)
    if found.damaged:
        said = (
            f"{_numbered(found.damaged)} no takedown, what is readable of the record is kept out; mend the "
            "file or bring it back, it says what must stay out"
        )
        if on_damage:
            on_damage(f"{RECORD}: {said}")
        else:
            _warn(f"{str(path)!r}: {said}")
    for aside in sorted(folder.glob(f"{ASIDE}*")):
        _warn(
            f"{str(aside)!r} is what {RECORD} was, {_numbered(_read(aside).damaged)} no takedown; look what "
            f"should stay out, give it to `{command('takedown', folder)} ID --keep-out`, and delete the file"
        )
    return found.removals


def write_record(folder: Path, removals: Iterable[Removal]) -> None:
    """Add removals to a folder's record, those that it lacks; whole or not at all.

    Raises:
        RunError: As of `read_record`.
        OSError: The disk refused.
    """
    mend_record(folder)
    known = set(_read(folder / RECORD).removals)
    lines = [line_of(asdict(removal)) for removal in dict.fromkeys(removals) if removal not in known]
    if lines:
        path = folder / RECORD
        former = path.read_bytes() if path.is_file() else b""
        write_bytes(path, b"".join([former, b"" if former.endswith(b"\n") or not former else b"\n", *lines]))


def mend_record(folder: Path) -> None:
    """Set a damaged record aside, and write what is readable of it in its place; nobody else may be writing.

    Raises:
        RunError: As of `read_record`.
        OSError: The disk refused; the record is as it was.
    """
    path = folder / RECORD
    found = _read(path)
    if found.damaged:
        keep_damage(folder, folder)
        write_bytes(path, b"".join(line_of(asdict(removal)) for removal in found.removals))


def keep_damage(former: Path, folder: Path) -> None:
    """Copy the damaged records of a folder to one that takes its place, each under a name of its own.

    Args:
        former: The folder, with a record that may be damaged, and others that were set aside.
        folder: Where to.

    Raises:
        OSError: The disk refused.
    """
    for path in (former / RECORD, *former.glob(f"{ASIDE}*")):
        if _read(path).damaged:
            content = path.read_bytes()
            aside = folder / f"{ASIDE}{hashlib.blake2b(content, digest_size=4).hexdigest()}"
            if not aside.exists():
                write_bytes(aside, content)


def is_record(path: Path) -> bool:
    """Tell whether a file is a takedown record, or one that was set aside: they name what went."""
    return path.name == RECORD or path.name.startswith(ASIDE)


@dataclass(frozen=True)
class _Found:
    """What a record says, and the numbers of its lines that are not as they were written."""

    removals: list[Removal]
    damaged: list[int]


def _read(path: Path) -> _Found:
    if not path.is_file():
        return _Found([], [])
    try:
        lines = read_lines(path)
    except OSError as error:
        kind = OutsideError if is_machine_fault(error) else UserError
        raise kind(
            f"{str(path)!r} cannot be read ({error.strerror or error}); it says what must stay out, nothing "
            "is done without it"
        ) from error
    removals: dict[int, Removal] = {}
    damaged = set(lines.broken)
    for number, facts in lines.records.items():
        removals[number], whole = _removal(facts)
        if not whole:
            damaged.add(number)
    for number in lines.broken.keys() - lines.records.keys():
        removals[number] = _salvaged(lines.broken[number])
    return _Found(
        [removal for _, removal in sorted(removals.items()) if removal.names_anything], sorted(damaged)
    )


def _removal(facts: Mapping[str, Any]) -> tuple[Removal, bool]:
    """Return what is readable of a line, and whether that is all of it."""
    known: dict[str, Any] = {}
    whole = True
    for field in fields(Removal):
        value = facts.get(field.name, field.default)
        texts = [str(text) for text in _listed(value) if isinstance(text, str | int | float)]
        whole = whole and len(texts) == len(_listed(value))
        known[field.name] = tuple(texts) if isinstance(field.default, tuple) else " ".join(texts)
    removal = Removal(**known)
    return removal, whole and removal.names_anything


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _salvaged(line: bytes) -> Removal:
    """Return a removal of the hashes and addresses that are whole in a line that is no JSON."""
    texts = set(_strings(line.decode(errors="replace")))
    return Removal(
        media_ids=tuple(sorted(filter(_HASH.fullmatch, texts))),
        urls=tuple(sorted(text for text in texts if canonical_url(text) != text)),
    )


def _strings(line: str) -> Iterator[str]:
    """Yield the texts of a line of JSON up to where it is damaged."""
    decoder, end = JSONDecoder(strict=False), 0
    while start := line.find('"', end) + 1:
        try:
            text, end = decoder.raw_decode(line, start - 1)
        except ValueError:
            return
        yield text


def _numbered(lines: Collection[int]) -> str:
    some = ", ".join(map(str, sorted(lines)[:5])) + (", …" if len(lines) > 5 else "")
    return f"line {some} is" if len(lines) == 1 else f"lines {some} are"


@cache
def _warn(line: str) -> None:
    """Log a line, once for a process: a record is read for every batch of files."""
    logger.warning("%s", line)
